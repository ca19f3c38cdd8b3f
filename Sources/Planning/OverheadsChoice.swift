import CostModel
import Messages
import Serving

/// What is added to the prices of the kernels.
package enum OverheadsChoice: Equatable, Sendable {
  /// Nothing.
  case kernelsOnly
  /// What the release of vLLM adds on measured servers.
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
  /// The choice that counts: vLLM's own where today's vLLM runs on a device of today. The paper's
  /// systems and devices have their host's time in their prices.
  package var overheadsChoice: OverheadsChoice {
    engineOverheads ?? (system == .vllmV1 && device.software == .present ? .vllm : .kernelsOnly)
  }

  /// The numbers behind the choice. The two releases of the scheduler stand for the measured ones
  /// nearest to them.
  var overheads: EngineOverheads {
    switch overheadsChoice {
    case .kernelsOnly: .none
    case .vllm: release == V1Release.v010.rawValue ? .vllm011 : .vllm019
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
