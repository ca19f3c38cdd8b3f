/// Rows that are right but cannot be answered, said once for each reason.
struct LeftOutRows {
  private var reasons: [(reason: String, rows: [String])] = []

  /// - Parameter row: Its line, or its name.
  mutating func add(_ row: String, _ reason: String) {
    if let known = reasons.firstIndex(where: { $0.reason == reason }) {
      reasons[known].rows.append(row)
    } else {
      reasons.append((reason, [row]))
    }
  }

  /// A line for each reason, in the order in which they came up.
  ///
  /// - Parameter one: The line of a reason with one row.
  func lines(one: (_ row: String, _ reason: String) -> String) -> [String] {
    reasons.map { reason, rows in
      rows.count == 1
        ? one(rows[0], reason)
        : "\(rows.count) rows are left out: \(reason); the first is \(rows[0])"
    }
  }
}
