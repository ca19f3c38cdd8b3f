import CostModel
import Messages
import Serving

/// What would fit where nothing does.
extension Scenario {
  /// The hint for a model that leaves no room for KV blocks: changes of the settings, each the smallest of its kind, after
  /// which the pool holds a sequence of the longest length, as vLLM demands when it starts.
  ///
  /// Every change that is named was tried on this scenario. Where none is enough alone, each is tried again with more GPUs
  /// for each layer.
  func wayOut() -> String {
    let alone = nearestFits()
    if !alone.isEmpty { return "\(reason(alone))each of these alone would fit: \(list(alone))" }
    for size in [2, 4, 8, 16] where size > tensorParallel {
      var wider = self
      wider.tensorParallel = size
      let fits = wider.nearestFits()
      guard !fits.isEmpty else { continue }
      return
        "\(reason(fits))no single change is enough; with `--tensor-parallel-size \(size)` each of these "
        + "would be: \(list(fits))"
    }
    return
      "no change of a setting is enough, even on 16 GPUs for each layer: choose a smaller model"
  }

  /// Why shorter sequences would fit, where they would.
  private func reason(_ flags: [String]) -> String {
    guard flags.contains(where: { $0.hasPrefix("--max-model-len") }), !choices.chunkedPrefill,
      let tokens = try? iterationLimits().tokens
    else { return "" }
    return "`\(system.name)` computes a prompt in one iteration, of up to \(tokens) tokens here; "
  }

  /// Single changes that fit, as flags.
  private func nearestFits() -> [String] {
    guard let limits = try? iterationLimits() else { return [] }
    let shorter = Self.modelLengths.filter { $0 < limits.modelLength }.map {
      "--max-model-len \($0)"
    }
    let others = KVBudget.nearestFits(budgetInputs(limits), tokens: limits.modelLength)
    return [shorter.first(where: fits)].compactMap { $0 } + others.filter(fits)
  }

  private static var modelLengths: [Int] { (10...17).reversed().map { 1 << $0 } }

  /// Whether the pool holds a sequence of the longest length once `flag` is given, `--tensor-parallel-size 2`.
  private func fits(with flag: String) -> Bool {
    let words = flag.dropFirst(2).split(separator: " ").map(String.init)
    guard let change = try? ScenarioSetting.find(words[0]).change(words[1]) else { return false }
    var changed = self
    change(&changed)
    guard (try? changed.requireTypesOfDevice()) != nil, let fit = try? changed.memoryFit() else {
      return false
    }
    return fit.budget.capacity.admits(modelLength: fit.maxModelLength)
  }
}

private func list(_ flags: [String]) -> String {
  flags.map { "`\($0)`" }.joined(separator: ", ")
}
