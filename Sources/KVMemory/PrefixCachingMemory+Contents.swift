/// What sequences consist of.
extension PrefixCachingMemory {
  /// Whether it is known what a sequence consists of.
  public mutating func knows(_ sequence: Int) -> Bool {
    contents.with(sequence) { !$0.spans.isEmpty }
  }

  /// Gives a run of tokens a number for a sequence that it is part of, the same one for every such sequence.
  ///
  /// - Parameter blocks: Blocks of the sequence that end in it.
  public mutating func enter(_ identity: RunIdentity, blocks: Int) -> Int32 {
    pool.enter(identity, blocks: blocks)
  }

  /// Tells what a sequence consists of until ``forget(_:)``: which runs, entered for it, its full blocks end in, those
  /// that it will have too.
  public mutating func setContents(of sequence: Int, _ spans: [BlockSpan]) {
    guard let last = spans.last else { return }
    contents[sequence].spans = spans
    contents[sequence].last = last
  }

  /// Lets go of what was told of a sequence, which holds no blocks.
  public mutating func forget(_ sequence: Int) {
    let count = contents.with(sequence) { $0.spans.count }
    if count == 0 { return }
    for index in 0..<count { pool.leave(contents.with(sequence) { $0.spans[index].run }) }
    contents.close(sequence)
  }

  /// The key of a full block of a sequence of which is known what it consists of.
  public mutating func key(ofBlock block: Int, of sequence: Int) -> BlockKey {
    contents.with(sequence) { contents in
      let span = contents.spans.last { $0.first <= block }
      precondition(span != nil, "PrefixCachingMemory: block \(block) of sequence \(sequence)")
      return span.unsafelyUnwrapped.key(ofBlock: block)
    }
  }

  /// What some full blocks of a sequence hold, which are in order.
  ///
  /// - Complexity: O(blocks + runs of the sequence).
  public mutating func contentKeys(ofBlocks blocks: [Int], of sequence: Int) -> [ContentKey] {
    let spans = contents.with(sequence) { $0.spans }
    var span = 0
    return blocks.map { block in
      while span + 1 < spans.count, spans[span + 1].first <= block { span += 1 }
      return pool.contentKey(of: spans[span].key(ofBlock: block))
    }
  }

  /// Whether one of these full blocks of a sequence has this key.
  public mutating func hasKey(_ key: BlockKey, in blocks: Range<Int>, of sequence: Int) -> Bool {
    contents.with(sequence) { contents in
      contents.spans.contains {
        $0.run == key.run && $0.blocks(in: blocks).contains(Int($0.first + key.index))
      }
    }
  }
}
