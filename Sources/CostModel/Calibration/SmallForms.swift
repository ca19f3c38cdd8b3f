import Foundation

/// The time to sum a tensor over GPUs, by its bytes: a latency, and then the slower of two ways,
/// whose rates differ because small messages are sent in one shot and large ones in a ring.
struct AllReduceForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("latency_us", 5), .init("link_share", 0.7), .init("small_share", 0.3),
    .init("small_limit_mb", 1), .init("overlap", 1),
  ]

  /// Coefficients where GPUs talk over PCIe through the host's memory and no table is at hand: 45 µs
  /// and 16 GB/s of the tensor.
  ///
  /// What is left of two steady phases of LLMServingSim's run of Qwen3-32B on two RTX PRO 6000 after
  /// the measured kernels: 2048-token iterations in 369 ms (1.32 ms a sum of 21 MB), iterations of 128
  /// decoding sequences in 59 ms (0.125 ms for 1.3 MB). One run, no measurement of the operator itself.
  static let overPCIe = [45, 0.26, 1, 1e-6, 1e-6]

  private let limits: DeviceLimits
  private let op: KernelOperator
  private let c: [Double]

  init(_ limits: DeviceLimits, _ op: KernelOperator, _ coefficients: [Double]) {
    self.limits = limits
    self.op = op
    c = coefficients
  }

  func seconds(_ sizes: [Double]) -> Double {
    let gpus = Double(op.gpus)
    let ring = 2 * (gpus - 1) / gpus * sizes[0]
    let large = ring / (limits.linkBandwidth * c[1])
    // Beyond the limit the small messages' way no longer adds.
    let limited = min(sizes[0], c[3] * 1e6)
    let small = 2 * (gpus - 1) / gpus * limited / (limits.linkBandwidth * c[2])
    return overlapped(c[0] * 1e-6 + small, large, 1 + c[4])
  }
}

/// The time of a kernel that reads and writes and hardly computes: norms, activations, rotary
/// positions.
///
/// What the kernel before wrote is found in the last-level cache as long as it fits there.
struct StreamingForm {
  static let coefficients: [KernelForm.Coefficient] = [
    .init("launch_us", 2), .init("memory_share", 0.8), .init("overlap", 1),
    .init("cache_share", 2), .init("cache_used", 0.8),
  ]

  private let limits: DeviceLimits
  private let c: [Double]

  init(_ limits: DeviceLimits, _ coefficients: [Double]) {
    self.limits = limits
    c = coefficients
  }

  func seconds(_ sizes: [Double]) -> Double {
    let far = sizes[0] / (limits.memoryBandwidth * c[1])
    let near = sizes[0] / (limits.memoryBandwidth * max(c[3], c[1]))
    let filled = sizes[0] / (limits.cacheBytes * c[4])
    let missed = filled > 0 ? 1 / (1 + pow(filled, -4)) : 0
    return overlapped(c[0] * 1e-6, far * missed + near * (1 - missed), 1 + c[2])
  }
}
