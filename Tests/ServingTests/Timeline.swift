import KVMemory
import SimulationKernel
import Workload

@testable import Serving

/// Drives a scheduler iteration by iteration, at times of one nanosecond each, and draws what it decides.
///
/// ``picture`` has a row for each request and a column for each iteration:
///
///     P  its prompt is computed     .  waits           r  preempted, to be recomputed
///     d  decodes                    -  stands still    s  swapped out
///     i  swapped in and decodes     ~  is swapped out  x  dropped
///
/// ``log`` has a line for each iteration that does something, with the tokens:
///
///     3: a 8+1 b 4+4 | hit b4 | out c7 | evict 5 6 | done a | free 3 4
///
/// `a 8+1` computes 1 token behind 8, `hit` and `out` (preempted) say how many tokens were found and lost, `free` is what
/// ``free`` says after the iteration. `draft a3/1` verifies 3 drafts of which 1 is accepted, `pad` those that are drafts only
/// in number. Where iterations are decided ahead, `done` stands in the line of the iteration that was decided before the
/// output was taken in.
struct Timeline<S: Scheduler> {
  var scheduler: S
  let requests: [Request]
  /// What the log calls the requests.
  let names: [String]
  /// What the log shows as free blocks, if anything.
  var free: (S) -> [BlockID] = { _ in [] }
  /// The iteration that is decided or runs.
  private(set) var step = 0
  private(set) var plan = IterationPlan()
  /// Output tokens given to each request, over all its sequences.
  private(set) var emitted: [Int]
  private(set) var finished: [RequestID] = []
  /// As of the last decision, while its iteration runs.
  private(set) var ledger = WasteLedger()
  private(set) var queues = QueueLengths(running: 0, waiting: 0, swapped: 0)
  private(set) var log = ""
  private var rows: [String]
  /// The letter of each request that is in no plan: where it stood after the last one that it was in.
  private var standing: [Character]
  private var arrived = 0
  /// Iterations whose output was not taken in, oldest first.
  private var inFlight: [IterationPlan] = []

  /// - Parameter requests: In order of arrival; arrivals are numbers of iterations, in nanoseconds.
  init(_ scheduler: S, requests: [Request], names: [String]? = nil) {
    self.scheduler = scheduler
    self.requests = requests
    self.names = names ?? requests.indices.map(\.description)
    emitted = Array(repeating: 0, count: requests.count)
    rows = Array(repeating: "", count: requests.count)
    standing = Array(repeating: " ", count: requests.count)
  }

  /// Whether all requests have arrived and none is left.
  var isDone: Bool {
    let queues = scheduler.queues
    return arrived == requests.count && queues.running + queues.waiting + queues.swapped == 0
  }

  /// Runs until everything is served or the plan fails.
  ///
  /// - Parameters:
  ///   - limit: Iterations after which that has happened: the test is wrong otherwise.
  ///   - check: Called after each iteration.
  /// - Returns: ``picture``.
  @discardableResult
  mutating func run(
    limit: Int = 10_000, _ check: (borrowing Timeline) -> Void = { _ in }
  ) -> String {
    while !isDone, plan.failure == nil {
      precondition(step < limit, "not done after \(limit) iterations:\n\(picture)")
      advance()
      check(self)
    }
    return picture
  }

  /// Runs for so many iterations, or until everything is served or the plan fails, and returns ``picture``.
  @discardableResult
  mutating func run(steps: Int) -> String {
    for _ in 0..<steps where !isDone && plan.failure == nil { advance() }
    return picture
  }

  private mutating func advance() {
    decide()
    if plan.failure == nil { complete() }
  }

  /// The first half of an iteration: arrivals and the decision.
  mutating func decide() {
    while arrived < requests.count, requests[arrived].arrival.nanoseconds <= step {
      scheduler.enqueue(RequestID(arrived))
      standing[arrived] = "."
      arrived += 1
    }
    plan.removeAll()
    scheduler.schedule(at: SimInstant(nanoseconds: Int64(step)), into: &plan)
    ledger = scheduler.ledger
    queues = scheduler.queues
    inFlight.append(plan)
    drawColumn()
  }

  /// The second half: the output is taken in.
  mutating func complete() {
    let before = finished.count
    if inFlight.count > scheduler.iterationsAhead {
      scheduler.complete(&inFlight[0], finished: &finished)
      for scheduled in inFlight.removeFirst().scheduled {
        emitted[Int(scheduled.request)] += Int(scheduled.emittedTokens)
      }
    }
    for request in finished[before...] { standing[Int(request)] = " " }
    if !plan.isEmpty || !plan.preempted.isEmpty || finished.count > before {
      writeLine(finished: finished[before...])
    }
    step += 1
  }

  /// A line for each request, without the blanks behind its end.
  var picture: String {
    rows.map { row in
      String(row.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  /// What happened last to a request in this iteration decides its letter.
  private mutating func drawColumn() {
    var column = standing
    func draw(_ request: RequestID, _ letter: Character, then after: Character) {
      column[Int(request)] = letter
      standing[Int(request)] = after
    }
    for scheduled in plan.scheduled {
      draw(scheduled.request, scheduled.isPrefill ? "P" : "d", then: "-")
    }
    for swapIn in plan.swappedIn { draw(swapIn.request, "i", then: "-") }
    for preemption in plan.preempted {
      let isSwap = preemption.mode == .swap
      draw(preemption.request, isSwap ? "s" : "r", then: isSwap ? "~" : ".")
    }
    for request in plan.ignored { draw(request, "x", then: " ") }
    for request in requests.indices { rows[request].append(column[request]) }
  }

  private mutating func writeLine(finished: ArraySlice<RequestID>) {
    func name(_ id: RequestID) -> String { names[Int(id)] }
    let hits = plan.admitted.filter { $0.cachedTokens > 0 }
    func drafts(_ drafted: IterationPlan.Drafted) -> String {
      "\(name(drafted.request))\(drafted.drafts)/\(drafted.accepted)"
    }
    let parts: [(label: String, words: [String])] = [
      ("", plan.scheduled.map { "\(name($0.request)) \($0.contextTokens)+\($0.tokens)" }),
      ("draft ", plan.drafted.filter { !$0.isPadding }.map(drafts)),
      ("pad ", plan.drafted.filter(\.isPadding).map(drafts)),
      ("hit ", hits.map { "\(name($0.request))\($0.cachedTokens)" }),
      ("out ", plan.preempted.map { "\(name($0.request))\($0.computedTokens)" }),
      ("evict ", plan.evicted.map(\.description)),
      ("done ", finished.map(name)),
      ("free ", free(scheduler).map(\.description)),
    ]
    let line = parts.filter { !$0.words.isEmpty }
      .map { $0.label + $0.words.joined(separator: " ") }.joined(separator: " | ")
    log += line.isEmpty ? "\(step):\n" : "\(step): \(line)\n"
  }
}
