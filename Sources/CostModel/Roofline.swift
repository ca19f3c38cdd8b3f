/// The time bounds of one device, with the corrections that bring its peaks near what kernels
/// reach.
///
///     seconds = max(FLOPs / (tensor rate × 0.66), bytes / (memory bandwidth × 0.80)) + 3 µs
///
/// One correction for all devices and operators: an estimate for devices that nobody measured, no
/// substitute for a calibration. Against Vidur's medians of Llama-2-7B (one A100) and 70B (four and
/// eight), a layer without attention and all-reduce comes out between 13 % low and 12 % high, but
/// for 128 and 256 tokens, near the ridge: up to 25 % low, since the maximum lets arithmetic hide
/// loads perfectly.
package struct Roofline: Equatable, Sendable {
  /// Share of the peak tensor rate that large matrix products reach.
  ///
  /// - Source: Vidur's tables, Llama-2-7B on A100: a 4096-token prefill runs at 205 of 312 TFLOP/s.
  package static let tensorEfficiency = 0.66
  /// Share of the peak memory bandwidth that streaming reaches.
  ///
  /// - Source: aiconfigurator's system files (empirical correction).
  package static let memoryEfficiency = 0.80
  /// Time of a kernel that does nothing, seconds.
  ///
  /// - Source: aiconfigurator's system files (constant memory latency).
  package static let launchSeconds = 3e-6
  /// Time of a message of no length between two GPUs, seconds.
  ///
  /// - Source: aiconfigurator's system files (point-to-point latency).
  package static let linkLatencySeconds = 10e-6

  /// Seconds of one FLOP in matrix products.
  let secondsPerFlop: Double
  /// Seconds of one byte in streaming.
  let secondsPerByte: Double

  init(_ device: DeviceSpec) {
    secondsPerFlop = 1 / (device.tensorRate * Self.tensorEfficiency)
    secondsPerByte = 1 / (device.memoryBandwidth * Self.memoryEfficiency)
  }

  /// The slower of arithmetic and memory, without launch.
  @inline(__always)
  func seconds(flops: Double, bytes: Double) -> Double {
    max(flops * secondsPerFlop, bytes * secondsPerByte)
  }
}
