import CostModel
import KVMemory
import Messages
import Serving

/// Attention that reads once what all running sequences begin with (`--no-disable-cascade-attn`).
extension Scenario {
  var cascades: Bool { disableCascade == false }

  /// Refuses it beside what it is not known with, and where the engine never uses it.
  func requireCascade() throws(UserError) {
    guard cascades, system.capabilities.choosesKernels else { return }
    let flag = "`--no-disable-cascade-attn`"
    let others = [
      ("--no-enable-prefix-caching", !choices.prefixCaching),
      ("--kv-offloading-size", kvOffloadingGiB != nil),
      ("--data-parallel-size", dataParallel > 1),
    ]
    if let other = others.first(where: \.1)?.0 {
      throw UserError(
        "\(flag) is not simulated together with `\(other)`", hint: "leave one of them out")
    }
    let isPlain = model.layers.kinds.allSatisfy {
      if case .heads(_, .all) = $0.layer.attention { true } else { $0.layer.attention == .none }
    }
    guard isPlain, device.software == .present else {
      let why =
        isPlain
        ? "the prices of `\(device.name)` do not know it"
        : "the engine has it for heads that attend to the whole context, and `\(model.name)` has others"
      throw UserError("\(flag): \(why)", hint: "leave it out")
    }
  }
}
