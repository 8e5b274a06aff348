extension Sample {
    /// Half the width of the mean's 95 % interval, by Student's t; nil for fewer than two numbers. For the few seeds of a
    /// sweep the normal distribution's would be far too narrow.
    package var studentHalfWidth: Double? {
        guard count > 1 else { return nil }
        return Sample.studentQuantile(freedom: count - 1) * standardError
    }

    /// The 97.5 % quantile of Student's t distribution, to 1e-3. From a table up to 10 degrees of freedom, then by the
    /// first terms of its expansion around the normal quantile z (Abramowitz and Stegun 26.7.5).
    package static func studentQuantile(freedom: Int) -> Double {
        let table = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281]
        guard freedom > table.count else { return table[max(1, freedom) - 1] }
        let (z, n) = (Interval.z, Double(freedom))
        let square = z * z
        let (z3, z5, z7) = (z * square, z * square * square, z * square * square * square)
        return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n)
            + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n)
    }
}
