import CostModel
import Messages
import Metrics
import Serving
import SimulationKernel
import Workload

/// What is added to the prices of the kernels.
package enum OverheadsChoice: Equatable, Sendable {
  /// Nothing.
  case kernelsOnly
  /// What the release adds on measured servers.
  case vllm
  /// Numbers of one's own.
  case given(EngineOverheads)
  /// What a server of one's own was seen to add, beside what the release does.
  case server(ServerProfile)

  /// As `--engine-overheads` names it.
  package var name: String {
    switch self {
    case .kernelsOnly: "none"
    case .vllm: "vllm"
    case .given: "given"
    case .server(let profile): profile.name
    }
  }
}

extension Scenario {
  /// The choice that counts: the engine's own where it was measured and runs on a device of today. The paper's
  /// systems and devices have their host's time in their prices; no engine was measured on a processor.
  package var overheadsChoice: OverheadsChoice {
    if let engineOverheads { return engineOverheads }
    let isMeasured =
      system.hasMeasuredOverheads && device.software == .present && device.architecture != .cpu
    return isMeasured ? .vllm : .kernelsOnly
  }

  /// The numbers behind the choice.
  var overheads: EngineOverheads {
    switch overheadsChoice {
    case .kernelsOnly: .none(running: system.kernels)
    case .vllm: system.overheads(release: release) ?? .none
    case .given(let overheads): overheads
    case .server(let profile):
      profile.residuals.replacing(releaseOverheads)
    }
  }

  /// What the release adds on measured servers; nothing where none was measured.
  package var releaseOverheads: EngineOverheads {
    // Servers with GPUs were measured: their hosts prepare launches, which a processor has none of.
    guard device.architecture != .cpu else { return .none(running: system.kernels) }
    return (system.overheads(release: release) ?? .none(running: system.kernels)).of(model)
  }

  /// What a server was fitted with otherwise than it is used, a sentence; `nil` for nothing.
  var caveatOfServer: String? {
    guard case .server(let profile) = overheadsChoice else { return nil }
    let used = [
      ("system", profile.system, system.name), ("model", profile.model, model.name),
      ("device", profile.device, device.name),
    ]
    let other = used.filter { $1 != $2 }.map { "the \($0) `\($1)`, not `\($2)`" }
    guard !other.isEmpty else { return nil }
    return "the server profile `\(profile.name)` was fitted with \(other.joined(separator: ", "))"
  }

  /// That more requests ran than a server profile can speak of; `nil` where they did not.
  func warningOfServer(_ summary: RunSummary) -> String? {
    guard case .server(let profile) = overheadsChoice else { return nil }
    let (batched, seen) = (
      summary.steps.batchedRequests, profile.seen.batchedRequests.upperBound
    )
    guard batched > seen * ServerProfile.Seen.reach else { return nil }
    return
      "an iteration has \(plainNumber((batched * 10).rounded() / 10)) requests in the mean; the server profile "
      + "`\(profile.name)` rests on up to \(plainNumber((seen * 10).rounded() / 10))"
  }

  /// Refuses lengths far from those that a server profile rests on.
  ///
  /// - Throws: ``UserError`` that names both.
  func requireSeen(_ trace: Trace) throws(UserError) {
    guard case .server(let profile) = overheadsChoice, !trace.requests.isEmpty else { return }
    let count = Double(trace.requests.count)
    let prompts = trace.requests.reduce(0.0) { $0 + Double($1.promptTokens) } / count
    let outputs = trace.requests.reduce(0.0) { $0 + Double($1.outputTokens) } / count
    for (what, mean, seen) in [
      ("prompts", prompts, profile.seen.promptTokens),
      ("outputs", outputs, profile.seen.outputTokens),
    ] {
      let reach = ServerProfile.Seen.reach
      guard mean > seen.upperBound * reach || mean < seen.lowerBound / reach else { continue }
      throw UserError(
        "the \(what) of `\(trace.name)` have \(plainNumber(mean.rounded())) tokens in the mean; the server profile "
          + "`\(profile.name)` rests on \(plainNumber(seen.lowerBound.rounded())) to "
          + "\(plainNumber(seen.upperBound.rounded())), and says nothing beyond \(plainNumber(reach)) times that",
        hint: "calibrate with a run of such lengths, or leave out `--engine-overheads`")
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
