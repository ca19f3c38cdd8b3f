/// Whose prompts an engine computes first (`--scheduling-policy`): a value with a name, listed in ``all``.
///
/// Adding one takes a file with its value, and a line in the list.
package struct ServicePolicy: Sendable {
  /// As users type it.
  package let name: String
  /// One line for the help text.
  package let summary: String
  /// How sequences queue that wait.
  package let waiting: SchedulingPolicy
  /// The order of prompts in progress and of waiting ones together; `nil` where prompts in progress go first.
  package let prompts: PromptOrder?
  /// What it rests on, where that is less than a recorded engine; `nil` for nothing to be said.
  package let caveat: String?

  /// An order by which a prompt can overtake another between two of its chunks.
  package init(name: String, summary: String, prompts: PromptOrder, caveat: String? = nil) {
    self.init(name: name, summary: summary, waiting: .priority, prompts: prompts, caveat: caveat)
  }

  private init(
    name: String, summary: String, waiting: SchedulingPolicy, prompts: PromptOrder?,
    caveat: String?
  ) {
    self.name = name
    self.summary = summary
    self.waiting = waiting
    self.prompts = prompts
    self.caveat = caveat
  }

  /// Every policy, in the order of the help text: vLLM's own, plain references, then the literature's.
  package static let all: [ServicePolicy] = [
    .arrival, .priority, .shortestPrompt, .shortestRemaining, .earliestDeadline, .qoserve,
    .slosServe,
  ]

  /// vLLM's own.
  package static let arrival = ServicePolicy(
    name: SchedulingPolicy.firstComeFirstServed.rawValue, summary: "who arrived first",
    waiting: .firstComeFirstServed, prompts: nil, caveat: nil)

  /// vLLM's other: prompts in progress go first, waiting ones by the trace's priorities.
  package static let priority = ServicePolicy(
    name: SchedulingPolicy.priority.rawValue, summary: "the lowest priority of the trace",
    waiting: .priority, prompts: nil, caveat: nil)
}

extension ServicePolicy: Equatable {
  package static func == (a: ServicePolicy, b: ServicePolicy) -> Bool { a.name == b.name }
}

/// In which order waiting requests are admitted, and which running one is preempted unless a
/// ``VictimPolicy`` says otherwise.
package enum SchedulingPolicy: String, CaseIterable, Sendable {
  /// By arrival; the one that runs for the shortest time makes way and comes back first.
  case firstComeFirstServed = "fcfs"
  /// By priority, lower first, then by arrival; the last in this order makes way.
  case priority
}
