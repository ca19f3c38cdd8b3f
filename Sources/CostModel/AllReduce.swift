/// The sums over GPUs under tensor parallelism: after attention and after the MLP of each layer.
///
/// A ring: each GPU sends and receives 2(n − 1)/n of the tensor. The one after the embedding is
/// left out.
///
/// At the link's full rate, which is optimistic: Vidur's medians on an A100 DGX are 68 µs for 5 MB
/// and 345 µs for 51 MB over two GPUs, where this gives 27 µs and 180 µs.
struct AllReduce: Equatable, Sendable {
  /// Sums of an iteration; 0 on one GPU.
  private let count: Double
  /// Seconds of one sum for each token, beyond the latency.
  private let secondsPerToken: Double

  init(model: ModelSpec, device: DeviceSpec, tensorParallel: Int) {
    count = tensorParallel > 1 ? Double(2 * model.layers) : 0
    let gpus = Double(tensorParallel)
    let tokenBytes = Double(model.hidden * ModelSpec.bytesPerElement)
    let bandwidth = device.linkBandwidth ?? device.pcieBandwidth
    secondsPerToken = 2 * (gpus - 1) / gpus * tokenBytes / bandwidth
  }

  /// Seconds of all sums of an iteration of `tokens` tokens; 0 for none.
  func seconds(tokens: Int) -> Double {
    guard tokens > 0 else { return 0 }
    return count * (Double(tokens) * secondsPerToken + Roofline.linkLatencySeconds)
  }
}
