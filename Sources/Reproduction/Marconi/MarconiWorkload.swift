import SimulationKernel

/// Conversations of the kinds that Marconi was measured on, made up: its traces are not at hand.
///
/// | family | common beginning | turns | a turn adds |
/// |---|---|---|---|
/// | chat (LMSys) | none | 1 to 6 | 20 to 200 tokens, 50 to 300 of answer |
/// | assistant (ShareGPT) | 200 tokens, half of the conversations | 2 to 9 | 50 to 400, 100 to 600 |
/// | agent (SWE-Bench) | 1,500 tokens, all | 8 to 20 | 200 to 1,500, 50 to 200; the first 1,000 to 4,000 |
enum MarconiWorkload: String, CaseIterable, Sendable {
  case chat, assistant, agent

  private struct Shape {
    var conversations: Int
    /// Of them, those that are open at a time.
    var open: Int
    var common: Int
    var commonShare: Double
    var turns: ClosedRange<Int>
    var first: ClosedRange<Int>
    var asked: ClosedRange<Int>
    var answered: ClosedRange<Int>
  }

  private var shape: Shape {
    switch self {
    case .chat:
      Shape(
        conversations: 160, open: 40, common: 0, commonShare: 0, turns: 1...6, first: 20...200,
        asked: 20...200, answered: 50...300)
    case .assistant:
      Shape(
        conversations: 120, open: 40, common: 200, commonShare: 0.5, turns: 2...9, first: 50...400,
        asked: 50...400, answered: 100...600)
    case .agent:
      Shape(
        conversations: 40, open: 12, common: 1500, commonShare: 1, turns: 8...20,
        first: 1000...4000, asked: 200...1500, answered: 50...200)
    }
  }

  /// Requests in order; the next is a turn of any conversation that is open.
  func texts(seed: UInt64) -> [MarconiReplay.Text] {
    let shape = shape
    var numbers = RandomStream(seed: seed, label: "marconi \(rawValue)")
    func draw(_ range: ClosedRange<Int>) -> Int { range.lowerBound + numbers.below(range.count) }
    func text(_ stream: Int, _ count: Int, from start: Int = 0) -> [UInt64] {
      (start..<start + count).map { splitmix64(UInt64(stream) << 32 | UInt64($0)) }
    }
    var open: [(stream: Int, turns: Int, tokens: [UInt64], own: Int)] = []
    var begun = 0
    var texts: [MarconiReplay.Text] = []
    while begun < shape.conversations || !open.isEmpty {
      while open.count < shape.open, begun < shape.conversations {
        begun += 1
        let isCommon = numbers.uniform() < shape.commonShare
        open.append((begun, draw(shape.turns), isCommon ? text(0, shape.common) : [], 0))
      }
      let index = numbers.below(open.count)
      let asked = draw(open[index].own == 0 ? shape.first : shape.asked)
      let answered = draw(shape.answered)
      let own = text(open[index].stream, asked + answered, from: open[index].own)
      texts.append(
        .init(prompt: open[index].tokens + own[..<asked], output: Array(own[asked...])))
      open[index].tokens += own
      open[index].own += own.count
      open[index].turns -= 1
      if open[index].turns == 0 { open.remove(at: index) }
    }
    return texts
  }
}
