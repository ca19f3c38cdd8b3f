/// A rule that says behind how many tokens of a prompt the states of recurrent layers are kept.
enum CheckpointScheme: Equatable, Sendable {
  case none
  /// Every so many tokens.
  case block(Int)
  /// So many, at even distances.
  case balanced(Int)
  /// Every √n tokens, rounded down.
  case sqrt
  /// Behind 1, 2, 4, 8 … tokens, and at the end.
  case dyadic
  /// Where prompts branch, and at their ends.
  case branchPoint
  /// The best so many for the whole trace, which is known.
  case offline(Int)
  /// The best so many for the requests so far, found again every `every` requests; none before that. Requests count less
  /// by `decay` with each one that follows them.
  case online(Int, every: Int, decay: Double)

  var name: String {
    switch self {
    case .none: "none"
    case .block(let tokens): "block \(tokens)"
    case .balanced(let budget): "balanced \(budget)"
    case .sqrt: "sqrt"
    case .dyadic: "dyadic"
    case .branchPoint: "branch point"
    case .offline(let budget): "program \(budget)"
    case .online(let budget, _, let decay):
      decay < 1 ? "online \(budget), decay" : "online \(budget)"
    }
  }

  /// The positions of a rule that looks at nothing but the length of the longest prompt so far.
  ///
  /// - Returns: In rising order; `nil` for rules that look at the prompts.
  func fixedPositions(length: Int) -> [Int]? {
    switch self {
    case .none: []
    case .block(let tokens): Self.every(tokens, length)
    case .balanced(let budget): Self.balanced(budget, length)
    case .sqrt: Self.every(Int(Double(length).squareRoot()), length)
    case .dyadic: Self.dyadic(length)
    case .branchPoint, .offline, .online: nil
    }
  }

  private static func every(_ tokens: Int, _ length: Int) -> [Int] {
    Array(stride(from: max(1, tokens), through: length, by: max(1, tokens)))
  }

  /// ⌊½ + i (length + 1) ⁄ (budget + 1)⌋ for i from 1, halves to even.
  private static func balanced(_ budget: Int, _ length: Int) -> [Int] {
    guard budget < length else { return Array(stride(from: 1, through: length, by: 1)) }
    let places = (1...max(1, budget)).prefix(budget).map { index in
      let place = Double(index * (length + 1)) / Double(budget + 1)
      return min(length, max(1, Int(place.rounded(.toNearestOrEven))))
    }
    return Set(places).sorted()
  }

  private static func dyadic(_ length: Int) -> [Int] {
    var places: [Int] = []
    var place = 1
    while place < length {
      places.append(place)
      place *= 2
    }
    return length > 0 ? places + [length] : []
  }
}
