import Messages
import Serving
import SimulationKernel

extension RunFailure {
  /// What went wrong, where no flag is at fault.
  package var summary: String {
    switch self {
    case .swapSpaceExhausted(let failure, _):
      "a swap needs \(failure.blocksNeeded) blocks, the host has \(failure.blocksFree) free"
    case .poolExhausted(let missing, let free, let time):
      "what runs at \(time.seconds) s lacks \(missing) KV slots, \(free) are free"
    case .oversized(let request, let admission):
      "request \(request + 1) can never be admitted: \(admission.numbers)"
    case .stuck(let waiting, let time):
      "\(waiting) requests wait at \(time.seconds) s, and none can run"
    case .neverEnds(let request, let restarts, let time):
      "request \(request + 1) began again \(restarts) times by \(time.seconds) s"
    }
  }

  /// What the user is told, and what they can do about it.
  package func userError(trace: String, scenario: Scenario) -> UserError {
    switch self {
    case .swapSpaceExhausted(let failure, let time):
      return UserError(
        "swap space is exhausted at \(time.seconds) s: request \(failure.request + 1) of "
          + "`\(trace)` needs \(failure.blocksNeeded) blocks, \(failure.blocksFree) are free",
        hint: "raise `--swap-space` (now \(scenario.hostMemoryGiB) GiB)")
    case .poolExhausted(let missing, let free, let time):
      return UserError(
        "`\(scenario.system.name)` runs out of KV slots at \(time.seconds) s: what runs lacks "
          + "\(missing), \(free) are free; the server dies of it",
        hint: "raise `--schedule-conservativeness`, or lower `--max-running-requests`")
    case .oversized(let request, let admission):
      return UserError(
        "request \(request + 1) of `\(trace)` can never be admitted: "
          + admission.explanation(scenario),
        hint: "leave such requests out with `--oversized skip`")
    case .stuck(let waiting, let time):
      return UserError(
        "`\(scenario.system.name)` is stuck at \(time.seconds) s: \(waiting) requests wait "
          + "and none can run")
    case .neverEnds(let request, let restarts, let time):
      return UserError(
        "request \(request + 1) of `\(trace)` began again \(restarts) times by \(time.seconds) s: replicas fail "
          + "before it is answered",
        hint: "let them fail less often (`--mtbf`)")
    }
  }
}

extension Admission {
  fileprivate var numbers: String {
    switch self {
    case .possible: "it fits"
    case .never(.tokens, let required, let capacity):
      "it has \(required) tokens, the longest sequence has \(capacity)"
    case .never(.tokensAndRoom, let required, let capacity):
      "it needs \(required) tokens with the room behind it, the longest sequence has \(capacity)"
    case .never(.prompt, let required, let capacity):
      "it has \(required) tokens, an iteration computes at most \(capacity)"
    case .never(.beams, let required, _): "it asks for a beam of width \(required)"
    case .never(.blocks, let required, let capacity):
      "it needs \(required) KV blocks, the pool has \(capacity)"
    case .never(.sequences, let required, let capacity):
      "it runs \(required) sequences, at most \(capacity) run"
    }
  }

  fileprivate func explanation(_ scenario: Scenario) -> String {
    switch self {
    case .possible: "it fits"
    case .never(.tokens, let required, let capacity):
      "prompt and output are \(required) tokens, `--max-model-len` is \(capacity)"
    case .never(.tokensAndRoom, let required, let capacity):
      "prompt, output and the room that `\(scenario.system.name)` keeps behind them are "
        + "\(required) tokens, `--max-model-len` is \(capacity)"
    case .never(.prompt, let required, let capacity):
      "it is \(required) tokens, an iteration computes at most \(capacity)"
    case .never(.beams, let required, _):
      "it asks for a beam of width \(required), and `\(scenario.system.name)` has no beam search"
    case .never(.blocks, let required, let capacity):
      "it needs \(required) KV blocks, the pool has \(capacity)"
    case .never(.sequences, let required, let capacity):
      "it runs \(required) sequences, `--max-num-seqs` allows \(capacity)"
    }
  }
}
