import CostModel
import Messages
import Serving

/// Prompts and decodes of an iteration side by side (`--overlap`).
extension Scenario {
  /// Refuses it on prices that do not know it, and beside what it is not known with.
  func requireOverlap() throws(UserError) {
    guard let overlap, overlap != .none else { return }
    let flag = "`--overlap \(overlap.rawValue)`"
    guard device.software == .present else {
      throw UserError(
        "\(flag): the prices of `\(device.name)` do not know it",
        hint: "leave it out, or choose the device of today")
    }
    let others = [
      ("--speculative-config", draftTokens > 0), ("--data-parallel-size", dataParallel > 1),
      ("--no-disable-cascade-attn", cascades),
      ("--no-enable-chunked-prefill", !choices.chunkedPrefill),
    ]
    if let other = others.first(where: \.1)?.0 {
      throw UserError(
        "\(flag) is not simulated together with `\(other)`", hint: "leave one of them out")
    }
  }

  /// Refuses two halves of a batch where ranks send each other nothing.
  func requireTwoBatchOverlap() throws(UserError) {
    guard twoBatchOverlap == true else { return }
    guard dataParallel > 1 else {
      throw UserError(
        "`--enable-two-batch-overlap` hides what ranks send each other around their experts, and there is one rank",
        hint: "add `--data-parallel-size`, or give `--no-enable-two-batch-overlap`")
    }
  }

  /// The prices with prompts and decodes on parts of a GPU, where that is asked for.
  func overlapped(_ base: any IterationCostModel) -> any IterationCostModel {
    overlap == .bullet
      ? PartitionedCostModel(base, multiprocessors: device.multiprocessors) : base
  }
}
