/// The tokens of words counted before, by their bytes: a table with open addressing whose words lie one
/// after another in one array, so that a word met again costs neither memory nor a copy.
struct WordCounts {
  private struct Slot {
    var hash: UInt64 = 0
    var start = 0
    /// Bytes of the word; 0 in a slot that is free, since no word is empty.
    var length: Int32 = 0
    var tokens: Int32 = 0
  }

  private var slots = [Slot](repeating: Slot(), count: 1 << 12)
  private var words: [UInt8] = []
  private var count = 0

  /// The tokens of the word that lies at `place` in `text`, counted by `counting` where it was not met
  /// before.
  ///
  /// - Complexity: O(bytes of the word) on average.
  mutating func tokens(
    of place: Range<Int>, in text: [UInt8], counting: ([UInt8]) -> Int
  ) -> Int {
    let word = text.span.extracting(place)
    let hash = Self.hash(word)
    var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[index].length > 0 {
      if slots[index].hash == hash, isWord(word, at: slots[index]) {
        return Int(slots[index].tokens)
      }
      index = (index + 1) & (slots.count - 1)
    }
    let copy = Array(text[place])
    let tokens = counting(copy)
    slots[index] = Slot(
      hash: hash, start: words.count, length: Int32(word.count), tokens: Int32(tokens))
    words.append(contentsOf: copy)
    count += 1
    if 2 * count > slots.count { grow() }
    return tokens
  }

  private func isWord(_ word: Span<UInt8>, at slot: Slot) -> Bool {
    guard Int(slot.length) == word.count else { return false }
    for index in 0..<word.count where words[slot.start + index] != word[index] { return false }
    return true
  }

  private mutating func grow() {
    let old = slots
    slots = [Slot](repeating: Slot(), count: 2 * old.count)
    for slot in old where slot.length > 0 {
      var index = Int(truncatingIfNeeded: slot.hash) & (slots.count - 1)
      while slots[index].length > 0 { index = (index + 1) & (slots.count - 1) }
      slots[index] = slot
    }
  }

  /// - Source: FNV-1a over the bytes, mixed once more for the low bits.
  private static func hash(_ word: Span<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in word.indices {
      hash = (hash ^ UInt64(word[index])) &* 0x100_0000_01b3
    }
    return hash ^ (hash >> 29)
  }
}
