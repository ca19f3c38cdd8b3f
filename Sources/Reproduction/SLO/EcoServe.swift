import CostModel
import SimulationKernel
import Workload

/// EcoServe: instances that compute prompts and decode, of which one after the other takes the prompts that come.
///
///     instance 0   |pppp|d d d d d d d d d d|pp|d d       prompts come to one until what is ready of its answers would run
///     instance 1   |d d d d|pppp|d d d d d d d d d        out, then to the next of the ring; nobody else's answers wait
///
/// A request is admitted to an instance if (1) the prompts that it is still to compute and the new one are predicted to fit
/// into the target of the first token, (2) its answers are ahead of their target, in the mean, by that time, and (3) it has
/// room. It is tried on the instance that took the last one and on the next of the ring, else it waits. An instance computes
/// prompts before it decodes.
///
/// No prompt is computed ahead of an earlier one, so that whoever waits is the next to be admitted; a prompt that takes longer
/// than the target of the first token never could be, and is refused.
///
/// - Source: EcoServe (OSDI 2026) as summarised in our reference. Prompts are computed one at a time, and a request holds room
///   for its whole answer: how they are batched, and what makes room, is not in the summary. Groups that split and merge are
///   not here.
struct EcoServe: Sendable {
  let prices: any IterationCostModel
  /// Seconds to the first token, and between tokens.
  var ttft: Double
  var tpot: Double
  /// Tokens that the KV cache of an instance holds.
  var cacheTokens: Int
  var instances: Int

  /// When a request had its first and its last token, seconds; negative before.
  struct Times: Equatable, Sendable {
    var first = -1.0
    var last = -1.0
  }

  private struct Answer {
    var request: Int
    var first: Double
    var tokens = 1
  }

  private struct Instance {
    /// Admitted, in order; the first of them may be running.
    var prompts: [Int] = []
    var answers: [Answer] = []
    var heldTokens = 0
    /// When its iteration ends; `nil` if it has none.
    var end: Double?
    var computesPrompt = false
  }

  /// Seconds that a prompt takes by itself.
  private func seconds(_ request: Request) -> Double {
    var work = IterationWork()
    work.prefillChunks = [.init(tokens: Int(request.promptTokens), contextTokens: 0)]
    work.sampledSequences = 1
    return prices.duration(of: work).seconds
  }

  private func decodeSeconds(_ instance: Instance, _ requests: [Request]) -> Double {
    var work = IterationWork()
    let context = instance.answers.reduce(0) {
      $0 + Int(requests[$1.request].promptTokens) + $1.tokens
    }
    work.decode(instance.answers.count, contextTokens: context)
    work.sampledSequences = instance.answers.count
    return prices.duration(of: work).seconds
  }

  /// By how much answers are ahead of their target, in the mean; `nil` without any.
  private func saved(_ instance: Instance, at now: Double) -> Double? {
    guard !instance.answers.isEmpty else { return nil }
    let sum = instance.answers.reduce(0.0) { $0 + Double($1.tokens) * tpot - (now - $1.first) }
    return sum / Double(instance.answers.count)
  }

  private func admits(
    _ instance: Instance, _ request: Request, _ requests: [Request], at now: Double
  ) -> Bool {
    let pending = instance.prompts.reduce(seconds(request)) { $0 + seconds(requests[$1]) }
    let tokens = Int(request.promptTokens + request.outputTokens)
    return pending <= ttft && saved(instance, at: now) ?? .infinity >= pending
      && instance.heldTokens + tokens <= cacheTokens
  }

  /// Serves requests, in order of arrival.
  func serve(_ requests: [Request]) -> [Times] {
    for request in requests {
      precondition(
        seconds(request) <= ttft
          && Int(request.promptTokens + request.outputTokens) <= cacheTokens,
        "EcoServe: a prompt of \(request.promptTokens) tokens is never admitted")
    }
    var times = Array(repeating: Times(), count: requests.count)
    var members = Array(repeating: Instance(), count: instances)
    var (arrived, admitted, current) = (0, 0, 0)
    while true {
      let arrival = arrived < requests.count ? requests[arrived].arrival.seconds : .infinity
      let ending = members.indices.min {
        members[$0].end ?? .infinity < members[$1].end ?? .infinity
      }
      let end = ending.flatMap { members[$0].end } ?? .infinity
      let now = min(arrival, end)
      guard now < .infinity else { return times }
      if let ending, end <= arrival {
        finish(&members[ending], requests, &times, at: now)
      } else {
        arrived += 1
      }
      while admitted < arrived,
        let taker = [current, (current + 1) % instances].first(where: {
          admits(members[$0], requests[admitted], requests, at: now)
        })
      {
        members[taker].prompts.append(admitted)
        let request = requests[admitted]
        members[taker].heldTokens += Int(request.promptTokens + request.outputTokens)
        (admitted, current) = (admitted + 1, taker)
      }
      for index in members.indices where members[index].end == nil {
        begin(&members[index], requests, at: now)
      }
    }
  }

  private func begin(_ instance: inout Instance, _ requests: [Request], at now: Double) {
    instance.computesPrompt = !instance.prompts.isEmpty
    if let prompt = instance.prompts.first {
      instance.end = now + seconds(requests[prompt])
    } else if !instance.answers.isEmpty {
      instance.end = now + decodeSeconds(instance, requests)
    }
  }

  private func finish(
    _ instance: inout Instance, _ requests: [Request], _ times: inout [Times], at now: Double
  ) {
    instance.end = nil
    if instance.computesPrompt {
      let request = instance.prompts.removeFirst()
      times[request].first = now
      instance.answers.append(Answer(request: request, first: now))
    } else {
      for index in instance.answers.indices { instance.answers[index].tokens += 1 }
    }
    instance.answers.removeAll { answer in
      let request = requests[answer.request]
      guard answer.tokens >= Int(request.outputTokens) else { return false }
      times[answer.request].last = now
      instance.heldTokens -= Int(request.promptTokens + request.outputTokens)
      return true
    }
  }

  /// Share of requests with their first token and their pace within the targets.
  func attained(_ requests: [Request]) -> Double {
    let times = serve(requests)
    let met = requests.indices.count { index in
      let (request, time) = (requests[index], times[index])
      let gaps = Double(request.outputTokens - 1)
      return time.first - request.arrival.seconds <= ttft
        && time.last - time.first <= gaps * tpot
    }
    return Double(met) / Double(requests.count)
  }
}
