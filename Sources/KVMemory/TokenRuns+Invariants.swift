extension TokenRuns {
  /// The numbers that stand for a run, in ascending order.
  var numbersInUse: [Int32] {
    let givenBack = Set(numbersGivenBack ?? [])
    return (1..<used).filter { !givenBack.contains($0) }
  }

  /// The numbers that were given back, in the order in which they will be used again; `nil` if the list does not end.
  private var numbersGivenBack: [Int32]? {
    var numbers: [Int32] = []
    var number = unused
    while number != 0 {
      guard numbers.count < Int(used), (1..<used).contains(number) else { return nil }
      numbers.append(number)
      number = runs[Int(number)].next
    }
    return numbers
  }

  /// How many hold a run: sequences that consist of it, and blocks with one of its keys.
  func holders(of run: Int32) -> Int { Int(runs[Int(run)].holders) }

  /// Every key of a run that some block holds, and the block that a look-up finds.
  func foundBlocks(of run: Int32) -> [(key: BlockKey, block: BlockID)] {
    let places = places(from: BlockKey(run: run, index: 0))
    return (0..<runs[Int(run)].capacity)
      .map { (BlockKey(run: run, index: $0), places[Int($0)]) }.filter { $0.block != 0 }
  }

  /// The first law that is broken, with the numbers, or `nil`: a number stands for a run that somebody holds or waits to
  /// be used again, each run is found by its identity, and nobody else's places are in use.
  ///
  /// - Complexity: O(numbers + heads + places).
  package var brokenInvariant: String? {
    guard let givenBack = numbersGivenBack else {
      return "the list of numbers given back, from \(unused) on, does not end"
    }
    guard Set(givenBack).count == givenBack.count else {
      return "a number was given back twice: \(givenBack)"
    }
    guard count + givenBack.count == Int(used) - 1 else {
      return "\(count) runs + \(givenBack.count) numbers given back ≠ \(used - 1) numbers given out"
    }
    for run in numbersInUse where holders(of: run) <= 0 {
      return "run \(run) has \(holders(of: run)) holders"
    }
    return chainViolation ?? placeViolation
  }

  /// Each run stands once in the chain of its hash, and no other number stands in any.
  private var chainViolation: String? {
    var timesFound = [Int](repeating: 0, count: Int(used))
    for head in heads.indices {
      var number = heads[head]
      while number != 0 {
        guard (1..<used).contains(number) else { return "number \(number) of \(used) in a chain" }
        guard self.head(of: runs[Int(number)].identity) == head else {
          return "run \(number) stands in the chain of hash \(head)"
        }
        timesFound[Int(number)] += 1
        guard timesFound[Int(number)] == 1 else { return "run \(number) stands twice in a chain" }
        number = runs[Int(number)].next
      }
    }
    let inUse = numbersInUse
    for run in inUse where timesFound[Int(run)] == 0 {
      return "run \(run) is not found by its identity"
    }
    guard timesFound.reduce(0, +) == inUse.count else {
      return "\(timesFound.reduce(0, +)) numbers stand in chains, \(inUse.count) runs are in use"
    }
    let identities = Set(inUse.map { runs[Int($0)].identity })
    guard identities.count == inUse.count else {
      return "\(inUse.count) runs have \(identities.count) identities"
    }
    return nil
  }

  /// Places of different runs are apart, and those of no run are empty.
  private var placeViolation: String? {
    let taken = numbersInUse.map { (start: runs[Int($0)].start, capacity: runs[Int($0)].capacity) }
      .filter { $0.capacity > 0 }
    if let broken = ranges.brokenInvariant(taken: taken) { return "places of the runs: \(broken)" }
    guard ranges.end <= blocks.count else {
      return "the places end at \(ranges.end), the memory at \(blocks.count)"
    }
    var isTaken = [Bool](repeating: false, count: blocks.count)
    for range in taken {
      for place in range.start..<range.start + Int(range.capacity) { isTaken[place] = true }
    }
    for place in blocks.indices where !isTaken[place] && blocks[place] != 0 {
      return "place \(place), which belongs to no run, names block \(blocks[place])"
    }
    return nil
  }
}
