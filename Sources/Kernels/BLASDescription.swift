import COpenBLAS

/// The BLAS library found at run time, as it names itself: version, flavour and the kernels that it chose.
package func blasDescription() -> String {
    let configuration = openblas_get_config().map { String(cString: $0) } ?? "an unnamed BLAS"
    let core = openblas_get_corename().map { String(cString: $0) } ?? "unknown"
    // 0, 1, 2: serial, POSIX threads, OpenMP.
    let flavours = ["serial", "pthread", "openmp"]
    let flavour = Int(openblas_get_parallel())
    let version = configuration.split(separator: " ").prefix(2).joined(separator: " ")
    return "\(version), \(flavours.indices.contains(flavour) ? flavours[flavour] : "unknown") flavour, \(core) kernels"
}
