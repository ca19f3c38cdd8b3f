import KVMemory
import Workload

/// The sequences of a run, a request with several samples has one for each; what changes is kept only of those in
/// flight.
package struct TokenBudgetSequences: Sendable {
  /// How far a sequence is; blank before it is admitted and after it is complete.
  struct Progress: Sendable {
    var generatedTokens: Int32 = 0
    var computedTokens: Int32 = 0
    /// Its place in the running order: the number of its last admission.
    var rank: Int32 = 0
    var joinedAt = 0

    mutating func have(generated: Int32, computed: Int32) {
      generatedTokens = generated
      computedTokens = computed
    }

    /// - Returns: Its rank.
    mutating func join(at iteration: Int) -> Int32 {
      joinedAt = iteration
      return rank
    }

    mutating func begin(computed: Int32, rank: Int32) {
      computedTokens = computed
      self.rank = rank
    }
  }

  let requests: RunRequests
  /// `nil` for who arrived first.
  private let order: ServiceOrder?
  var progress = ResidentRows(blank: Progress())
  /// Of requests with several samples: how many are complete.
  private var completedSamples = ResidentRows<Int32>(blank: 0)

  /// `nil` unless prompts in progress can be overtaken.
  var service: PromptService?

  init(_ requests: RunRequests, order: ServiceOrder? = nil, service: PromptService? = nil) {
    self.requests = requests
    self.order = order
    self.service = service
  }

  @inline(__always)
  package subscript(sequence: Int) -> TokenBudgetSequence {
    let id = requests.request(ofSequence: Int32(truncatingIfNeeded: sequence))
    let request = requests[id]
    let progress = progress[sequence]
    return TokenBudgetSequence(
      request: id, promptTokens: request.promptTokens, outputTokens: request.outputTokens,
      siblings: request.samples - 1, generatedTokens: progress.generatedTokens,
      computedTokens: progress.computedTokens, joinedAt: progress.joinedAt)
  }

  /// Takes over how many tokens a sequence has.
  @inline(__always)
  mutating func store(_ state: TokenBudgetSequence, of sequence: Int32) {
    progress[Int(sequence)].have(
      generated: state.generatedTokens, computed: state.computedTokens)
  }

  @inline(__always)
  func rank(of sequence: Int32) -> Int32 { progress[Int(sequence)].rank }

  /// Which of its request's output sequences it is, from 0.
  func sample(of sequence: Int32) -> Int {
    Int(sequence - requests.firstSequence(of: requests.request(ofSequence: sequence)))
  }

  /// Whether the policy serves `a` before `b`; of one request's samples it takes the first.
  func isServed(_ a: Int32, before b: Int32) -> Bool {
    if let service { return key(of: a, service) < key(of: b, service) }
    let (first, second) = (requests.request(ofSequence: a), requests.request(ofSequence: b))
    guard let order, first != second else { return a < b }
    return order.isServed(first, before: second)
  }

  /// Whether `a` goes before `b` when one has to make way: names do not count, nor which sample it is.
  func isAhead(_ a: Int32, of b: Int32) -> Bool {
    if let service { return key(of: a, service) < key(of: b, service) }
    let (first, second) = (requests.request(ofSequence: a), requests.request(ofSequence: b))
    guard let order, first != second else { return a < b }
    return order.isAhead(first, of: second)
  }

  private func key(of sequence: Int32, _ service: PromptService) -> PromptService.Key {
    service.key(of: sequence, self[Int(sequence)], request(of: sequence))
  }

  /// What the trace says of a sequence's request.
  @inline(__always)
  func request(of sequence: Int32) -> Request { requests[requests.request(ofSequence: sequence)] }

  /// Forgets a sequence that is complete.
  ///
  /// - Returns: Its request, if that is complete too.
  @inline(__always)
  mutating func close(_ sequence: Int32) -> RequestID? {
    progress.close(Int(sequence))
    return requests.areSingle ? sequence : closeSample(sequence)
  }

  private mutating func closeSample(_ sequence: Int32) -> RequestID? {
    let id = requests.request(ofSequence: sequence)
    completedSamples[Int(id)] += 1
    guard completedSamples[Int(id)] == requests[id].samples else { return nil }
    completedSamples.close(Int(id))
    return id
  }
}

/// A sequence as the token-budget scheduler sees it: it has tokens, and some of them are computed.
///
///     0            computed                  length
///     |── resident ──|── still to compute ──|          steady decode: exactly one to compute
///
/// There are no phases. A prompt, a part of a prompt, the next token and everything that a
/// preempted request lost are all "computed catches up with length".
///
/// A view of one sequence, made when it is looked at; what changes is in ``TokenBudgetSequences``.
package struct TokenBudgetSequence: Sendable {
  package let request: RequestID
  package let promptTokens: Int32
  /// Output tokens after which it is complete.
  package let outputTokens: Int32
  /// Other output sequences of the request.
  package let siblings: Int32
  /// Output tokens so far.
  package var generatedTokens: Int32
  /// Tokens whose keys and values are computed, as of the last completed iteration.
  package var computedTokens: Int32
  /// The iteration of the ``CruisingBatch`` from which on it has cruised; until it leaves, the
  /// counts of tokens are those with which it joined.
  let joinedAt: Int

  /// Prompt and output so far, the newest token included although it is not computed yet.
  package var length: Int32 { promptTokens + generatedTokens }

  /// Whether it has all its output, or is as long as a sequence may be.
  func isComplete(maxModelLength: Int) -> Bool {
    generatedTokens >= outputTokens || Int(length) >= maxModelLength
  }

  /// Tokens that will have been computed when it is complete; the last one is sampled and never
  /// computed.
  func finalTokens(maxModelLength: Int) -> Int {
    min(Int(promptTokens + outputTokens), maxModelLength) - 1
  }
}
