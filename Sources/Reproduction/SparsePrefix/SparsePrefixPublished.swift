/// A number as it was printed.
struct Printed: Equatable, Sendable {
  var value: Double
  /// 0.55 of its last digit: 24.7455 was printed as 24.75 first, and as 24.8 then.
  var tolerance: Double

  /// - Parameter text: A plain decimal number, such as `36.8`.
  init(_ text: String) {
    let decimals = text.split(separator: ".", omittingEmptySubsequences: false).dropFirst().first
    var step = 1.0
    for _ in 0..<(decimals?.count ?? 0) { step /= 10 }
    value = Double(text) ?? .nan
    tolerance = 0.55 * step
  }
}

/// What the public simulator of *Sparse Prefix Caching* gives for seed 42.
enum SparsePrefixPublished {
  struct Row: Equatable, Sendable {
    var hitPercent: Printed
    var recomputed: Printed
    var cost: Printed
  }

  /// `nil` where no number is at hand.
  static func row(_ family: SparsePrefixFamily, _ scheme: CheckpointScheme) -> Row? {
    let place = columns.firstIndex(of: scheme.name)
    guard let place, let cell = rows[family]?[place], !cell.isEmpty else { return nil }
    let fields = cell.split(separator: " ").map { Printed(String($0)) }
    return Row(hitPercent: fields[0], recomputed: fields[1], cost: fields[2])
  }

  private static let columns = [
    "block 32", "balanced 16", "branch point", "program 16", "online 16",
  ]

  /// Hit share in percent, recomputed tokens and cost of a request.
  private static let rows: [SparsePrefixFamily: [String]] = [
    .exactHotPrefix: [
      "98.6 0 2.18", "98.6 0 2.15", "97.2 4.44 9.44", "98.6 0 0.25", "88.9 31.1 51.3",
    ],
    .appendOnlyChat: [
      "92.5 14.8 36.8", "", "95.5 7.0 18.6", "90.2 20.5 50.2", "73.3 60.3 143.7",
    ],
    .diffuseCutpoints: [
      "92.0 15.5 34.4", "93.0 13.7 31.7", "89.3 21 44.7", "93.0 12.6 27.6", "80.4 43.2 80",
    ],
    .agentTree: ["53.3 21.9 26.3", "77.0 10.1 13.2", "55.3 20.7 24.8", "77.0 10.1 12.4", ""],
    .adversarial: ["84.0 15.4 29.8", "84.4 13.8 25.9", "78.3 27.4 47.4", "87.1 10.7 20.6", ""],
  ]
}
