import Messages

/// How many tokens are drafted behind an iteration, by how many sequences run in it.
///
///     [[1, 16, 4], [32, 128, 2]]    sequences   1 … 16   17 … 31   32 … 128   129 …
///                                   drafts           4         4          2       2
///
/// Between two ranges, and behind the last, the number before goes on. With 0 nothing is drafted.
///
/// - Source: `num_speculative_tokens_per_batch_size` of vLLM, in `vllm/v1/spec_decode/dynamic/utils.py` of its main branch;
///   its form with ranges of contexts is not here.
package struct DraftsByBatch: Equatable, Sendable {
  /// From which sequences on, rising from 1, and how many drafts.
  private var steps: [(from: Int, drafts: Int)] = []

  /// - Parameters:
  ///   - ranges: First and last number of sequences, and drafts.
  ///   - name: Of the setting, for messages.
  /// - Throws: ``UserError`` for what is no range, ranges that overlap, and none from 1 on.
  package init(_ ranges: [[Int]], name: String) throws(UserError) {
    func mistake(_ what: String) -> UserError {
      UserError(
        "\(name) \(what)",
        hint: "give ranges of sequences with their drafts, such as `[[1, 16, 4], [17, 64, 2]]`")
    }
    guard !ranges.isEmpty else { throw mistake("has no range") }
    for range in ranges where range.count != 3 {
      throw mistake(
        "takes the first and the last number of sequences, and drafts; found \(range.count) numbers"
      )
    }
    for range in ranges where range[0] < 1 || range[1] < range[0] {
      throw mistake("has a range from \(range[0]) to \(range[1]) sequences")
    }
    var last = 0
    for range in ranges.sorted(by: { $0[0] < $1[0] }) {
      guard range[0] > last else {
        throw mistake("has \(range[0]) sequences in two ranges")
      }
      steps.append((range[0], range[2]))
      last = range[1]
    }
    guard steps[0].from == 1 else {
      throw mistake("begins at \(steps[0].from) sequences: it has to say what 1 does")
    }
  }

  /// Drafts behind an iteration of so many sequences, at least 1.
  ///
  /// - Parameter most: That may be drafted at all.
  package func drafts(behind sequences: Int, most: Int) -> Int {
    min((steps.last { $0.from <= sequences } ?? steps[0]).drafts, most)
  }

  package static func == (a: DraftsByBatch, b: DraftsByBatch) -> Bool {
    a.steps.elementsEqual(b.steps) { $0 == $1 }
  }
}
