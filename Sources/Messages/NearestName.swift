/// The candidate that a mistyped `name` most likely meant, or `nil` where none comes near.
///
/// A candidate that begins with what was typed wins (`h100` is the start of `h100-sxm`, though
/// `b200` is fewer edits away); otherwise the one at the smallest edit distance, if that is at most
/// a third of the letters typed. Letter case is ignored, and the earlier candidate wins a tie.
///
/// - Complexity: O(candidates × letters²).
package func nearestName(to name: String, among candidates: [String]) -> String? {
  let typed = Array(name.lowercased())
  guard !typed.isEmpty else { return nil }
  if let longer = candidates.first(where: { $0.lowercased().starts(with: typed) }) { return longer }

  var nearest: (name: String, distance: Int)?
  for candidate in candidates {
    let distance = editDistance(typed, Array(candidate.lowercased()))
    if distance < nearest?.distance ?? Int.max { nearest = (candidate, distance) }
  }
  guard let nearest, nearest.distance <= max(1, typed.count / 3) else { return nil }
  return nearest.name
}

/// Insertions, deletions and substitutions that turn `a` into `b` (Levenshtein).
///
/// - Complexity: O(|a| × |b|) time, O(|b|) space.
private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, other) in b.enumerated() {
      let substitution = diagonal + (letter == other ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substitution, row[j] + 1, diagonal + 1)
    }
  }
  return row[b.count]
}

extension UserError {
  /// A name that a catalogue does not have, with the nearest one that it has.
  ///
  ///     error: unknown model `opt-14b`
  ///
  ///     hint: did you mean `opt-13b`? `kvplan catalog models` lists all
  ///
  /// - Parameters:
  ///   - kind: What was looked for, in the singular: `model`, `device`, `system`.
  ///   - candidates: Every name that would have been found, aliases included.
  ///   - command: The command that lists them.
  package static func unknown(
    _ kind: String, _ name: String, among candidates: [String], listedBy command: String
  ) -> UserError {
    let listing = "`\(command)` lists all"
    let hint = nearestName(to: name, among: candidates).map { "did you mean `\($0)`? \(listing)" }
    return UserError("unknown \(kind) `\(name)`", hint: hint ?? listing)
  }
}
