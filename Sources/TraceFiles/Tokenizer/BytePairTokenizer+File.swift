import Messages

extension BytePairTokenizer {
  /// Reads a Hugging Face `tokenizer.json`.
  ///
  /// - Throws: ``UserError`` where the file cannot be read, is no JSON, or describes a tokenizer of
  ///   another kind than byte-level BPE.
  package init(path: String) throws(UserError) {
    let file = try TraceFile(path: path, kind: "tokenizer")
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = try file.read(into: &chunk)
      bytes += chunk.prefix(count)
      if count < chunk.count { break }
    }
    try self.init(bytes: bytes, name: path)
  }

  /// Reads a `tokenizer.json` from memory; `name` stands for the file in messages.
  package init(bytes: [UInt8], name: String) throws(UserError) {
    var parts = TokenizerParts()
    do throws(JSONMistake) {
      try parts.read(bytes.span)
    } catch {
      throw UserError("\(name): byte \(error.offset): \(error.what)")
    }
    func unsupported(_ what: String) -> UserError {
      UserError(
        "\(name): \(what)",
        hint: "kvplan counts with byte-level BPE, as GPT-2, OPT, Llama 3 and Qwen have it; "
          + "otherwise leave `--tokenizer` out and state `--characters-per-token`")
    }
    if parts.modelType != "BPE" { throw unsupported("the model is no `BPE`") }
    if parts.vocabulary.isEmpty { throw unsupported("the vocabulary is empty") }
    guard parts.normalizers.allSatisfy({ $0 == "NFC" || $0 == "Sequence" }) else {
      throw unsupported("its normalizer is not known")
    }
    guard let split = parts.split else { throw unsupported("its pre-tokenizer is not known") }
    let alphabet = Self.alphabet
    var byteTokens: [Int32] = []
    for byte in 0..<256 {
      guard let token = parts.vocabulary[[alphabet[byte]]] else {
        throw unsupported("the vocabulary lacks the byte \(byte)")
      }
      byteTokens.append(token)
    }
    var merges: [Pair: (rank: Int32, token: Int32)] = [:]
    for (rank, merge) in parts.merges.enumerated() {
      guard let left = parts.vocabulary[merge.left], let right = parts.vocabulary[merge.right],
        let token = parts.vocabulary[merge.left + merge.right]
      else { throw unsupported("merge \(rank + 1) names a token that the vocabulary lacks") }
      merges[Pair(left: left, right: right)] = (Int32(rank), token)
    }
    var words: Set<[UInt8]> = []
    if parts.ignoresMerges {
      let byteOf = Dictionary(
        uniqueKeysWithValues: alphabet.enumerated().map { ($1, UInt8($0)) })
      for token in parts.vocabulary.keys {
        let bytes = token.compactMap { byteOf[$0] }
        if bytes.count == token.count { words.insert(bytes) }
      }
    }
    self.init(
      split: split, composes: parts.normalizers.contains("NFC"),
      ignoresMerges: parts.ignoresMerges, bytes: byteTokens, merges: merges, words: words)
  }

  /// The character that stands for each byte in a vocabulary: itself if it can be seen, else one
  /// from U+0100 on.
  ///
  /// - Source: GPT-2's `bytes_to_unicode`.
  private static var alphabet: [Unicode.Scalar] {
    var next: UInt32 = 0x100
    return (0..<256 as Range<UInt32>).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)!
      default:
        defer { next += 1 }
        return Unicode.Scalar(next)!
      }
    }
  }
}
