/// The version of this program, as it is written into every manifest.
package let programVersion = "0.1.0"
