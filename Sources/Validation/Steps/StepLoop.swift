import CostModel
import Messages
import Metrics
import Planning
import Workload

/// Closed-loop clients in front of an engine that logged its steps, and the same clients simulated.
///
///     steps    p  d d d  p p  d d d d …  p  d …        p computes prompts, d decodes; each with the requests in it
///     loop              └── begins where a prompt last found nobody running: what comes before warms the engine up
package struct StepLoop: Equatable, Sendable {
  /// Clients (`concurrency`), each with one request at a time.
  package var clients: Int
  /// Of each request, in order. A step that computes several prompts says their sum: they count as equally long.
  package var prompts: [Int32]
  package var steps: Int
  /// Tokens that decodes gave: one for each request of each.
  package var decodedTokens: Int
  /// Requests with KV slots in a step, summed over the steps.
  package var held: Int
  /// From the first step to the last; logged in whole seconds.
  package var seconds: Double

  /// Requests with KV slots, in the mean over the steps.
  package var running: Double { Double(held) / Double(steps) }

  /// Reads a file in the layout of `steps_sglang_deepseek_r1_h200.csv`.
  ///
  /// A prompt whose chunks lie in two steps counts as two.
  ///
  /// - Returns: One loop for each number of clients, in the file's order.
  /// - Throws: ``UserError`` with file and line, and for a loop without prompts.
  package static func read(path: String) throws -> [StepLoop] {
    let table = try MeasurementTable(path: path)
    try table.require([
      "concurrency", "t_s", "kind", "running", "new_seqs", "new_tokens", "cached_tokens",
    ])
    var loops: [StepLoop] = []
    var starts: [Double] = []
    for row in 0..<table.rowCount {
      let clients = Int(try table.size("concurrency", row))
      let isPrompt = table.text("kind", row) == "prefill"
      let running = Int(try table.number("running", row))
      let time = try table.number("t_s", row)
      if loops.last?.clients != clients || isPrompt && running == 0 {
        let loop = StepLoop(clients)
        if loops.last?.clients == clients {
          (loops[loops.count - 1], starts[starts.count - 1]) = (loop, time)
        } else {
          loops.append(loop)
          starts.append(time)
        }
      }
      let last = loops.count - 1
      let new = isPrompt ? Int(try table.size("new_seqs", row)) : 0
      if isPrompt {
        let tokens =
          try table.number("new_tokens", row) + (try table.number("cached_tokens", row))
        loops[last].addPrompts(new, tokens: Int(tokens))
      } else {
        loops[last].decodedTokens += running
      }
      loops[last].steps += 1
      loops[last].held += running + new
      loops[last].seconds = time - starts[last]
    }
    if let empty = loops.first(where: { $0.prompts.isEmpty }) {
      throw UserError("\(path): the loop of \(empty.clients) clients computes no prompts")
    }
    return loops
  }

  private init(_ clients: Int) {
    (self.clients, prompts, steps, decodedTokens, held, seconds) = (clients, [], 0, 0, 0, 0)
  }

  private mutating func addPrompts(_ count: Int, tokens: Int) {
    for index in 0..<count {
      prompts.append(Int32(max(1, tokens * (index + 1) / count - tokens * index / count)))
    }
  }

  /// Output tokens of a request, in the mean over all requests of some loops: one comes with its prompt.
  package static func meanOutput(_ loops: [StepLoop]) -> Double {
    let decoded = loops.reduce(0) { $0 + $1.decodedTokens }
    let requests = loops.reduce(0) { $0 + $1.prompts.count }
    return 1 + Double(decoded) / Double(requests)
  }

  /// The requests, with outputs of a mean length that vary as the prompts do: that they are drawn alike is assumed, and
  /// they are dealt out backwards, so that long prompts have no long answers.
  func trace(meanOutput: Double) -> Trace {
    let sum = prompts.reduce(0) { $0 + Int($1) }
    let scale = meanOutput * Double(prompts.count) / Double(sum)
    return Trace(
      name: "\(clients) clients",
      requests: zip(prompts, prompts.reversed()).map {
        Request(
          promptTokens: $0, outputTokens: Int32(max(1, (Double($1) * scale).rounded())))
      },
      hasArrivals: false)
  }

  /// What the simulator says of a loop.
  package struct Prediction: Equatable, Sendable {
    package var running: Double
    package var seconds: Double
  }

  /// - Parameter meanOutput: Output tokens, which the log does not say.
  package func predict(_ scenario: Scenario, meanOutput: Double) throws -> Prediction {
    var scenario = scenario
    scenario.maxConcurrency = clients
    scenario.requestRate = nil
    let summary = try Simulation.run(
      scenario, trace: trace(meanOutput: meanOutput), keepingRequests: false
    ).result.summary
    return Prediction(
      running: summary.steps.batchedRequests, seconds: summary.duration)
  }
}
