/// The name of a run: the first 128 bits of a hash of everything that decides its result.
///
/// Equal on every machine for equal runs. Two different runs of a sweep of 10⁸ share a key with a
/// probability of about 10⁻²³.
package struct RunKey: Hashable, Comparable, Sendable {
  package var high: UInt64
  package var low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  init(_ digest: SHA256.Digest) {
    func joined(_ at: Int) -> UInt64 {
      UInt64(digest.words[at]) << 32 | UInt64(digest.words[at + 1])
    }
    self.init(high: joined(0), low: joined(2))
  }

  /// The 16 bytes, most significant first; `nil` for another number of bytes.
  init?(bytes: UnsafeRawBufferPointer) {
    guard bytes.count == 16 else { return nil }
    func word(_ offset: Int) -> UInt64 {
      UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    self.init(high: word(0), low: word(8))
  }

  var bytes: [UInt8] {
    (0..<16).map { index in
      let word = index < 8 ? high : low
      return UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64(index % 8)))
    }
  }

  /// 32 hexadecimal digits.
  package var text: String {
    [high, low].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  package static func < (a: RunKey, b: RunKey) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

/// One of several equal parts of a sweep, by the hash of each run and never by its place: a run stays in
/// its shard whatever is added to the sweep.
package struct Shard: Hashable, Sendable {
  /// From 0, below `count`.
  package var index: Int
  package var count: Int

  /// - Precondition: 0 ≤ `index` < `count`.
  package init(_ index: Int, of count: Int) {
    precondition(index >= 0 && index < count, "Shard: \(index) of \(count)")
    self.index = index
    self.count = count
  }

  package static let whole = Shard(0, of: 1)

  package func owns(_ key: RunKey) -> Bool { Self.index(of: key, count: count) == index }

  /// The shard that makes the run of that key.
  package static func index(of key: RunKey, count: Int) -> Int {
    Int(key.high % UInt64(count))
  }

  /// `shard-003-of-016.sqlite`
  var fileName: String {
    func padded(_ number: Int) -> String {
      let digits = "\(number)"
      return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    }
    return "shard-\(padded(index))-of-\(padded(count)).sqlite"
  }

  /// The shard whose results a file holds, by its name.
  init?(fileName: String) {
    guard let match = fileName.wholeMatch(of: /shard-(\d+)-of-(\d+)\.sqlite/),
      let index = Int(match.1), let count = Int(match.2), index < count
    else { return nil }
    self.init(index, of: count)
    guard self.fileName == fileName else { return nil }
  }
}
