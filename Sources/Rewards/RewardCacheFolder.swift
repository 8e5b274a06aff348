import Machine
import Storage

/// Names the folder where rewards are kept: beside the reference logps of all of the user's runs.
package func rewardCacheFolder() -> String {
    if let base = environment("XDG_CACHE_HOME") { return FileSystem.join(base, "swift-prefopt/rewards") }
    if let home = environment("HOME") { return FileSystem.join(home, ".cache/swift-prefopt/rewards") }
    return "reward-cache"
}
