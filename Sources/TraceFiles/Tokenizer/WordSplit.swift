/// How a byte-level tokenizer cuts text into words before it merges bytes; no merge crosses words.
enum WordSplit: Equatable {
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  ///
  /// - Source: GPT-2's `encoder.py`; OPT uses the same.
  case gpt2
  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,d}|`
  /// ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  ///
  /// - Source: the `tokenizer.json` of Llama 3 (d = 3) and of Qwen 2 and 3 (d = 1).
  case llama3(digitsMax: Int)

  /// What the patterns tell apart.
  enum Kind: UInt8 { case letter, number, blank, lineEnd, other }

  /// Where the word that begins at `start` ends.
  ///
  /// - Parameters:
  ///   - kinds: The kind of each scalar.
  ///   - ascii: Each scalar if it is ASCII, else 0.
  /// - Precondition: `start` is within the text.
  func endOfWord(from start: Int, _ kinds: [Kind], _ ascii: [UInt8]) -> Int {
    switch self {
    case .gpt2: gpt2End(start, kinds, ascii)
    case .llama3(let digitsMax): llama3End(start, kinds, ascii, digitsMax)
    }
  }

  private func gpt2End(_ start: Int, _ kinds: [Kind], _ ascii: [UInt8]) -> Int {
    if let end = contractionEnd(start, ascii, ignoringCase: false) { return end }
    // One blank may lead a run of letters, of digits or of signs.
    let first = ascii[start] == 0x20 && start + 1 < kinds.count ? start + 1 : start
    if !isSpace(kinds[first]) { return runEnd(first, kinds) { $0 == kinds[first] } }
    return spaceEnd(start, kinds)
  }

  private func llama3End(
    _ start: Int, _ kinds: [Kind], _ ascii: [UInt8], _ digitsMax: Int
  ) -> Int {
    if let end = contractionEnd(start, ascii, ignoringCase: true) { return end }
    if kinds[start] == .letter { return runEnd(start, kinds) { $0 == .letter } }
    // Any one scalar but a digit or a line end may lead a run of letters.
    if kinds[start] == .blank || kinds[start] == .other, start + 1 < kinds.count,
      kinds[start + 1] == .letter
    {
      return runEnd(start + 1, kinds) { $0 == .letter }
    }
    if kinds[start] == .number {
      return min(start + digitsMax, runEnd(start, kinds) { $0 == .number })
    }
    let first = ascii[start] == 0x20 && start + 1 < kinds.count ? start + 1 : start
    if kinds[first] == .other {
      let end = runEnd(first, kinds) { $0 == .other }
      return end < kinds.count && kinds[end] == .lineEnd
        ? runEnd(end, kinds) { $0 == .lineEnd } : end
    }
    // A run of space that holds line ends is a word up to the last of them.
    let end = runEnd(start, kinds, while: isSpace)
    if let last = (start..<end).last(where: { kinds[$0] == .lineEnd }) { return last + 1 }
    return spaceEnd(start, kinds)
  }

  /// `\s+(?!\S)|\s+`: a run of space, less its last scalar where a word follows, unless it is all.
  private func spaceEnd(_ start: Int, _ kinds: [Kind]) -> Int {
    let end = runEnd(start, kinds, while: isSpace)
    return end == kinds.count || end == start + 1 ? end : end - 1
  }

  private func isSpace(_ kind: Kind) -> Bool { kind == .blank || kind == .lineEnd }

  private func runEnd(_ start: Int, _ kinds: [Kind], while isInRun: (Kind) -> Bool) -> Int {
    var end = start
    while end < kinds.count, isInRun(kinds[end]) { end += 1 }
    return end
  }

  /// The end of `'s`, `'re` and the like, if that is what begins at `start`.
  private func contractionEnd(_ start: Int, _ ascii: [UInt8], ignoringCase: Bool) -> Int? {
    guard ascii[start] == UInt8(ascii: "'") else { return nil }
    func letter(_ offset: Int) -> UInt8 {
      guard start + offset < ascii.count else { return 0 }
      let byte = ascii[start + offset]
      return ignoringCase && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }
    let (a, b) = (letter(1), letter(2))
    switch a {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r") where b == UInt8(ascii: "e"),
      UInt8(ascii: "v") where b == UInt8(ascii: "e"),
      UInt8(ascii: "l") where b == UInt8(ascii: "l"):
      return start + 3
    default: return nil
    }
  }

  static func kind(of scalar: Unicode.Scalar) -> Kind {
    if scalar.isASCII {
      switch UInt8(scalar.value) {
      case 0x30...0x39: return .number
      case 0x41...0x5A, 0x61...0x7A: return .letter
      case 0x0A, 0x0D: return .lineEnd
      case 0x20, 0x09, 0x0B, 0x0C: return .blank
      default: return .other
      }
    }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    default: return scalar.properties.isWhitespace ? .blank : .other
    }
  }
}
