import CostModel
import SimulationKernel

/// What iterations with adapters cost: the model's own price, and the adapters' products on top.
///
/// The kernels read each adapter of the batch once, and multiply each token by its own; whichever takes longer at the
/// device's peak rates counts. That is ours: the paper says that the cost grows with the sum of the ranks.
struct AdapterPrices: Sendable {
  var costModel: any IterationCostModel
  var device: DeviceSpec
  /// Of a slot of the pool.
  var slotBytes: Int
  /// What the engine's host adds to an iteration.
  var host = SimDuration.zero

  /// A sequence of the batch: its adapter, that one's slots, and tokens that are computed now.
  struct Entry: Equatable, Sendable {
    var adapter: Int
    var slots: Int
    var tokens: Int
  }

  func duration(of work: IterationWork, _ entries: [Entry]) -> SimDuration {
    costModel.duration(of: work) + adapters(entries) + host
  }

  func adapters(_ entries: [Entry]) -> SimDuration {
    var seen: Set<Int> = []
    var (slots, products) = (0, 0)
    for entry in entries {
      if seen.insert(entry.adapter).inserted { slots += entry.slots }
      products += entry.slots * entry.tokens
    }
    // A weight of 2 bytes is a product and a sum.
    let reading = Double(slots * slotBytes) / device.memoryBandwidth
    let computing = Double(products * slotBytes) / device.tensorRate
    return SimDuration(rounding: max(reading, computing))
  }

  func loading(slots: Int) -> SimDuration {
    SimDuration(rounding: Double(slots * slotBytes) / device.pcieBandwidth)
  }
}
