import SimulationKernel

/// The link between a host's memory and a tier below it, for chunks of all GPUs together: a direction each way.
package struct DiskLink: Equatable, Sendable {
  /// Bytes of a chunk on all GPUs.
  package var chunkBytes: Int
  /// Bytes a second.
  package var readBandwidth: Double
  package var writeBandwidth: Double
  /// What each job takes beside its bytes; its chunks are asked for together.
  package var latency: SimDuration

  package init(
    chunkBytes: Int, readBandwidth: Double, writeBandwidth: Double, latency: SimDuration
  ) {
    precondition(
      chunkBytes > 0 && readBandwidth > 0 && writeBandwidth > 0 && latency.nanoseconds >= 0,
      "DiskLink: \(chunkBytes) bytes, \(readBandwidth) and \(writeBandwidth) B/s, \(latency)")
    (self.chunkBytes, self.latency) = (chunkBytes, latency)
    (self.readBandwidth, self.writeBandwidth) = (readBandwidth, writeBandwidth)
  }

  /// How long so many chunks take; at least a nanosecond, so that what moves is never there at once.
  package func duration(chunks: Int, isWrite: Bool) -> SimDuration {
    let bytes = Double(chunks * chunkBytes)
    let transfer = SimDuration(rounding: bytes / (isWrite ? writeBandwidth : readBandwidth))
    return max(SimDuration(nanoseconds: 1), latency + transfer)
  }
}
