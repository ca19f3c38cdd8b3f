/// Counts the tokens of texts from JSON strings.
struct TextCounter {
  let measure: TextMeasure
  /// Text of the string being counted, kept for its memory.
  private var text: [UInt8] = []
  private var scratch = TokenizerScratch()

  init(_ measure: TextMeasure) { self.measure = measure }

  /// The tokens of one text, without special tokens such as a beginning of sequence.
  ///
  /// - Parameter bytes: A JSON string's bytes between the quotes.
  /// - Throws: As ``JSONText/append(_:to:)``.
  mutating func count(_ bytes: Span<UInt8>) throws(JSONMistake) -> Int {
    switch measure {
    case .estimate(let charactersPerToken):
      let characters = try JSONText.characterCount(bytes)
      return Int((Double(characters) / charactersPerToken).rounded(.up))
    case .tokenizer(let tokenizer):
      var text = self.text
      self.text = []
      defer { self.text = text }
      text.removeAll(keepingCapacity: true)
      try JSONText.append(bytes, to: &text)
      return tokenizer.countTokens(in: text.span, scratch: &scratch)
    }
  }

  /// The tokens of one text in plain UTF-8.
  mutating func count(plain bytes: Span<UInt8>) -> Int {
    switch measure {
    case .estimate(let charactersPerToken):
      var characters = 0
      for index in bytes.indices where bytes[index] & 0xC0 != 0x80 { characters += 1 }
      return Int((Double(characters) / charactersPerToken).rounded(.up))
    case .tokenizer(let tokenizer): return tokenizer.countTokens(in: bytes, scratch: &scratch)
    }
  }
}
