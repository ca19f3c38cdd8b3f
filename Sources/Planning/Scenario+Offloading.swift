import CostModel
import KVMemory
import Messages
import Serving
import SimulationKernel
import Workload

/// A tier in the host's memory behind the prefix cache.
extension Scenario {
  /// What `--kv-offloading-size` comes to: a chunk of the tier is a block on every GPU.
  func offloading(
    _ groups: [BlockGroup], _ limits: IterationLimits, _ costModel: any IterationCostModel
  ) throws(UserError) -> OffloadingSettings? {
    guard let size = kvOffloadingGiB else {
      for (flag, isGiven) in [
        ("--kv-offloading-bandwidth", kvOffloadingGBps != nil), ("--kv-restore", kvRestore != nil),
      ] where isGiven {
        throw UserError(
          "`\(flag)` decides nothing without a tier",
          hint: "leave it out, or give `--kv-offloading-size`")
      }
      return nil
    }
    let bandwidth = kvOffloadingGBps ?? sizedDevice.pcieBandwidth / 1e9
    guard bandwidth > 0, bandwidth.isFinite else {
      throw UserError("`--kv-offloading-bandwidth` must be positive GB/s, found `\(bandwidth)`")
    }
    guard choices.prefixCaching else {
      throw UserError(
        "`--kv-offloading-size` keeps what a prefix cache has lost, and there is none",
        hint: "leave out one of `--kv-offloading-size` and `--no-enable-prefix-caching`")
    }
    guard groups.allSatisfy({ $0.keeps == .all || $0.keeps.attendedMax != nil }) else {
      throw UserError(
        "`--kv-offloading-size` is known for layers that keep every token or a window, and "
          + "`\(model.name)` has others",
        hint: "leave it out")
    }
    let chunkBytes = kvCacheSpec.blockBytes * tensorParallel * pipelineParallel
    let chunks = size * Double(1 << 30) / Double(chunkBytes)
    guard chunks >= 1, chunks < Double(Int32.max) else {
      throw UserError(
        "`--kv-offloading-size` \(size) GiB holds \(Int(max(0, min(chunks, 1e12)))) chunks of "
          + "\(chunkBytes) bytes, a KV block on each GPU",
        hint: chunks < 1
          ? "give at least \(Double((chunkBytes >> 20) + 1) / 1024)" : "give less")
    }
    let link = HostLink(blockBytes: kvCacheSpec.blockBytes, bandwidth: bandwidth * 1e9)
    var settings = OffloadingSettings(
      chunks: Int(chunks), link: link, restoring: kvRestore ?? .load)
    settings.prices = try restorePrices(groups, link, limits, costModel)
    return settings
  }

  /// What rules compare that choose between computing and loading; `nil` for the others.
  private func restorePrices(
    _ groups: [BlockGroup], _ link: HostLink, _ limits: IterationLimits,
    _ costModel: any IterationCostModel
  ) throws(UserError) -> RestorePrices? {
    guard let rule = kvRestore, rule == .faster || rule == .twoPointers else { return nil }
    guard groups.allSatisfy({ $0.keeps == .all }) else {
      throw UserError(
        "`--kv-restore \(rule.rawValue)` is known for layers that keep every token, and "
          + "`\(model.name)` has others",
        hint: "leave it out: what the tier holds is loaded")
    }
    let compute = PrefillTable(
      restoring: costModel, model.attendedMax, limit: limits.tokens, upTo: limits.modelLength)
    return RestorePrices(
      compute: compute, loadSeconds: link.duration(blocks: 1).seconds / Double(blockSize))
  }

  /// A tier finds chunks by what they hold.
  func checkContents(of trace: Trace) throws(UserError) {
    guard kvOffloadingGiB != nil, trace.contents == nil else { return }
    throw UserError(
      "`--kv-offloading-size` finds keys and values by what prompts hold, which `\(trace.name)` does not say",
      hint:
        "leave it out, or replay a trace with contents, such as one of `kvplan trace generate --turns`"
    )
  }
}
