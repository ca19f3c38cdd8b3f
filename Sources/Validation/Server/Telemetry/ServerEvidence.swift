import Messages
import Workload

/// Whether metrics and logs are those of the runs beside them. Clients count tokens of the text that they get once more,
/// and a benchmark begins with requests that its result leaves out: up to a tenth apart counts as the same.
private let shareApart = 0.1

extension MetricsWindow {
  /// - Throws: ``UserError`` where the pages count other requests than the results have.
  func requireRun(_ runs: [ServerRun]) throws(UserError) {
    let requests = Double(runs.reduce(0) { $0 + $1.requests.count })
    let prompts = Double(runs.reduce(0) { $0 + $1.promptTokenCount })
    let outputs = Double(runs.reduce(0) { $0 + $1.outputTokenCount })
    for (what, counted, measured, least) in [
      ("requests", finished, requests, 1),
      ("prompt tokens", promptTokens * finished, prompts, 1 - shareApart),
      ("output tokens", outputTokens * finished, outputs, 1 - shareApart),
    ] where counted < least * measured || counted > (1 + shareApart) * measured {
      throw UserError(
        "\(name): the server counted \(plain(counted.rounded())) \(what), the results have \(plain(measured))",
        hint: "give pages from right before and right after these runs")
    }
    guard finished == requests, runs.count == 1, let client = runs[0].measured[.ttft], let ttft,
      ttft > client
    else { return }
    throw UserError(
      "\(name): TTFT is \(ttft * 1e3) ms by the server's clock, \(client * 1e3) ms by the client's of `\(runs[0].name)`",
      hint: "a client cannot see a token before the server: give pages of this run")
  }
}

extension ServingLog {
  /// - Throws: ``UserError`` where the log cannot be that of the runs.
  func requireRuns(_ runs: [ServerRun]) throws(UserError) {
    let hint = "cut the log to the time of these runs"
    if let clients = runs.reduce(0, { sum, run in sum.flatMap { max($0, run.clients ?? .max) } }),
      clients < .max, runningMost > Double(clients)
    {
      throw UserError(
        "\(name): \(plain(runningMost)) requests run at once, the results have at most \(clients) in flight",
        hint: hint)
    }
    let outputs = Double(runs.reduce(0) { $0 + $1.outputTokenCount })
    if let tokens, abs(tokens.count - outputs) > (tokens.slack + shareApart) * outputs {
      throw UserError(
        "\(name): the engine wrote \(plain(tokens.count.rounded())) tokens, the results have \(plain(outputs))",
        hint: hint)
    }
    for run in runs {
      guard let throughput = run.measured[.throughput] else { continue }
      let rate = throughput * Double(run.outputTokenCount) / Double(run.requests.count)
      guard rate > (1 + shareApart) * outputRateMost else { continue }
      throw UserError(
        "\(name): the engine never wrote more than \(plain(outputRateMost.rounded())) tokens/s, `\(run.name)` got "
          + "\(plain(rate.rounded())) in the mean", hint: hint)
    }
  }
}

extension ServerRun {
  fileprivate var promptTokenCount: Int { requests.reduce(0) { $0 + Int($1.promptTokens) } }
  fileprivate var outputTokenCount: Int { requests.reduce(0) { $0 + Int($1.outputTokens) } }
}
