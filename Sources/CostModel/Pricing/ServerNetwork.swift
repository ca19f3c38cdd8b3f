import Foundation

/// The network between servers, where GPUs that share a layer stand in more than one.
package struct ServerNetwork: Equatable, Sendable {
  /// Seconds of a message from a server to the next, with what the collective's kernel and the host's proxy take for it.
  ///
  /// Fitted on three rows of DeepSeek-V3 on sixteen H100 (8192 tokens in) of `disaggregated_points_dev.csv`; four others are
  /// held out. NCCL's own tuning model counts 5 to 14 µs a hop (from memory), without what an engine waits around it.
  package var hopSeconds = 30e-6
  /// Bytes per second out of a GPU: a card of 400 Gbit/s each.
  package var bandwidth = 50e9

  package init() {}

  /// Seconds that a sum over `servers` takes beyond that inside of each.
  ///
  /// Hierarchical: GPUs of a server sum a part each, and those of the same part then sum over the network, in a tree up and
  /// down.
  func allReduceSeconds(bytes: Double, servers: Int, gpusOfEach: Int) -> Double {
    let hops = 2 * log2(Double(servers)).rounded(.up)
    let share = 2 * Double(servers - 1) / Double(servers) * bytes / Double(gpusOfEach)
    return hops * hopSeconds + share / bandwidth
  }
}
