import CVersion

/// The version of this program, as it is written into every manifest.
package let programVersion = "0.1.0"

/// The commit it was built from, with "-dirty" if there were changes; "unknown" where nobody said so at the build.
package let programCommit = String(cString: prefopt_commit())
