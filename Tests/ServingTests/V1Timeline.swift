import KVMemory
import Workload

@testable import Serving

/// A request of a drawn timeline; times are steps of the scheduler.
struct DrawnRequest {
  var name: String
  var at = 0
  /// [stream, start, count] for each run of the prompt.
  var prompt: [[Int]]
  var output: Int
  var samples = 1
  var priority = 0

  /// A prompt with no token in common with others'.
  static func own(
    _ name: String, at step: Int = 0, prompt: Int, output: Int, priority: Int = 0
  ) -> DrawnRequest {
    let stream = name.unicodeScalars.reduce(0) { $0 * 128 + Int($1.value) }
    return DrawnRequest(
      name: name, at: step, prompt: [[stream, 0, prompt]], output: output, priority: priority)
  }
}

/// Runs the scheduler step by step, and draws what it does as text, one line a step:
///
///     3: a 8+1 b 4+4 | hit b4 | out c7 | evict 5 6 | done a | free 3 4
///
/// `a 8+1` computes 1 token behind 8, `hit` and `out` (preempted) say how many tokens were found
/// and lost, `free` is the queue of free blocks after the step. Steps that do nothing are left out.
struct V1Timeline {
  var scheduler: TokenBudgetScheduler
  let drawn: [DrawnRequest]
  var emitted: [Int]
  private(set) var text = ""

  init(_ drawn: [DrawnRequest], _ settings: EngineSettings) {
    self.drawn = drawn
    var contents = PromptContents()
    for request in drawn {
      contents.append(
        request.prompt.map {
          TokenPiece(stream: Int64($0[0]), start: Int32($0[1]), count: Int32($0[2]))
        })
    }
    let requests = drawn.indices.map { index in
      Request(
        promptTokens: Int32(contents.promptTokens(of: index)),
        outputTokens: Int32(drawn[index].output), samples: Int32(drawn[index].samples))
    }
    scheduler = TokenBudgetScheduler(
      requests: requests, settings: settings, contents: contents,
      priorities: drawn.map { Int32($0.priority) })
    emitted = Array(repeating: 0, count: drawn.count)
  }

  mutating func run(steps: Int, showingFree: Bool = false) -> String {
    for step in 0..<steps {
      for index in drawn.indices where drawn[index].at == step {
        scheduler.enqueue(RequestID(index))
      }
      var plan = IterationPlan()
      scheduler.schedule(into: &plan)
      guard !plan.isEmpty || !plan.preempted.isEmpty else { continue }
      var finished: [RequestID] = []
      scheduler.complete(&plan, finished: &finished)
      for scheduled in plan.scheduled {
        emitted[Int(scheduled.request)] += Int(scheduled.emittedTokens)
      }
      draw(step, plan, finished, showingFree: showingFree)
    }
    return text
  }

  private mutating func draw(
    _ step: Int, _ plan: IterationPlan, _ finished: [RequestID], showingFree: Bool
  ) {
    func name(_ id: RequestID) -> String { drawn[Int(id)].name }
    var parts = [
      plan.scheduled.map { "\(name($0.request)) \($0.contextTokens)+\($0.tokens)" }
    ]
    parts.append(
      plan.admitted.filter { $0.cachedTokens > 0 }.map { "\(name($0.request))\($0.cachedTokens)" })
    parts.append(plan.preempted.map { "\(name($0.request))\($0.computedTokens)" })
    parts.append(plan.evicted.map(\.description))
    parts.append(finished.map(name))
    parts.append(showingFree ? scheduler.memory.pool.freeQueue.map(\.description) : [])
    let labels = ["", "hit ", "out ", "evict ", "done ", "free "]
    let line = zip(labels, parts).filter { !$1.isEmpty }
      .map { $0 + $1.joined(separator: " ") }.joined(separator: " | ")
    text += "\(step): \(line)\n"
  }
}

/// Small engines: blocks of 4 tokens, of which block 0 is the engine's own.
func v1Settings(
  blocks: Int, budget: Int = 64, maxSequences: Int = 8, maxModelLength: Int = 64,
  _ change: (inout V1Options) -> Void = { _ in }
) -> EngineSettings {
  var settings = EngineSettings(
    blockSize: 4, deviceBlocks: blocks, maxSequences: maxSequences, maxBatchedTokens: budget,
    maxModelLength: maxModelLength)
  change(&settings.v1)
  return settings
}

func v1Timeline(
  _ drawn: [DrawnRequest], _ settings: EngineSettings, steps: Int = 20, showingFree: Bool = false
) -> String {
  var timeline = V1Timeline(drawn, settings)
  return timeline.run(steps: steps, showingFree: showingFree)
}
