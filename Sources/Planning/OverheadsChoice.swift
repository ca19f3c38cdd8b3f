import CostModel
import Messages
import Serving

/// What is added to the prices of the kernels.
package enum OverheadsChoice: Equatable, Sendable {
  /// Nothing.
  case kernelsOnly
  /// What the release adds on measured servers.
  case vllm
  /// Numbers of one's own.
  case given(EngineOverheads)

  /// As `--engine-overheads` names it.
  package var name: String {
    switch self {
    case .kernelsOnly: "none"
    case .vllm: "vllm"
    case .given: "given"
    }
  }
}

extension Scenario {
  /// The choice that counts: the engine's own where it was measured and runs on a device of today. The paper's
  /// systems and devices have their host's time in their prices.
  package var overheadsChoice: OverheadsChoice {
    engineOverheads
      ?? (system.hasMeasuredOverheads && device.software == .present ? .vllm : .kernelsOnly)
  }

  /// The numbers behind the choice.
  var overheads: EngineOverheads {
    switch overheadsChoice {
    case .kernelsOnly: .none(running: system.kernels)
    case .vllm: system.overheads(release: release) ?? .none
    case .given(let overheads): overheads
    }
  }

  /// Refuses overheads on a device whose prices contain them.
  func requireOverheadsOfDevice() throws(UserError) {
    guard device.software == .year2023, overheadsChoice != .kernelsOnly else { return }
    throw UserError(
      "the prices of `\(device.name)` contain what the engine adds: "
        + "`--engine-overheads \(overheadsChoice.name)` would count it twice",
      hint: "leave it out, or choose the device of today")
  }
}
