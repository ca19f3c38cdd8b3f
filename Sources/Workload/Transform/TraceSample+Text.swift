import Messages

extension TraceSample.Part {
  /// Requests of the trace that one of the sample stands for, to three digits; `none` where it has none of them.
  fileprivate var weight: String {
    guard kept > 0 else { return "none" }
    let share = Double(all) / Double(kept)
    let digits = share < 10 ? 100.0 : share < 100 ? 10 : 1
    return plain((share * digits).rounded() / digits)
  }

  fileprivate var text: String { "\(kept) of \(all)" }
}

extension TraceSample {
  /// What was drawn and what it stands for, in a sentence.
  package var text: String {
    var parts = [
      "a sample of \(whole.text) requests of `\(whole.name)`, spread over all of it and drawn by seed \(seed); each "
        + "stands for \(whole.weight)"
    ]
    if !classes.isEmpty {
      parts.append(
        "by class: " + classes.map { "`\($0.name)` \($0.text)" }.joined(separator: ", "))
    }
    if let least = hours.min(by: { $0.share < $1.share }),
      let most = hours.max(by: { $0.share < $1.share })
    {
      parts.append(
        "by hour: each stands for \(most.weight) (hour \(most.name)) to \(least.weight) (hour \(least.name))"
      )
    }
    return parts.joined(separator: "; ")
  }

  /// What results record of it: name and value.
  package var fields: [(name: String, value: String)] {
    func list(_ parts: [Part]) -> String {
      parts.map { "\($0.name): \($0.text)" }.joined(separator: ", ")
    }
    return [("sample", whole.text)]
      + (classes.isEmpty ? [] : [("sample-by-class", list(classes))])
      + (hours.isEmpty ? [] : [("sample-by-hour", list(hours))])
  }
}

extension TraceSample.Part {
  fileprivate var share: Double { Double(kept) / Double(all) }
}
