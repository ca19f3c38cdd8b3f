extension CachedBlockPool {
  /// The first law that is broken, with the numbers, or `nil`:
  ///
  ///     capacity = null block + held + free        free = worth something (cached) + not
  ///
  /// every block but block 0 is either queued as free, once, or stands in a table; its references are its appearances in
  /// tables; a block without a key stands in one table at most; and a key leads to the blocks that hold it.
  ///
  /// - Parameter tables: The block tables of all sequences.
  /// - Complexity: O(capacity + table entries + places of the runs).
  package func brokenInvariant(tables: [[BlockID]]) -> String? {
    var appearances = [Int](repeating: 0, count: capacity)
    for block in tables.joined() {
      guard (0..<capacity).contains(Int(block)) else {
        return "block \(block) stands in a table, the pool has \(capacity)"
      }
      appearances[Int(block)] += 1
    }
    return queue.queue.brokenInvariant.map { "free queue: \($0)" }
      ?? whereaboutsViolation(appearances) ?? countViolation(appearances)
      ?? runs.brokenInvariant.map { "runs: \($0)" } ?? keyViolation ?? placeViolation
  }

  /// Each block is free or held, by as many as have references to it; block 0 is neither.
  private func whereaboutsViolation(_ appearances: [Int]) -> String? {
    let free = Set(freeQueue)
    guard appearances[0] == 0, !free.contains(0), !isCached(0) else {
      return "the null block is used: it stands in \(appearances[0]) tables, free: "
        + "\(free.contains(0)), cached: \(isCached(0))"
    }
    if let stranger = freeQueue.first(where: { $0 >= capacity }) {
      return "block \(stranger) is free, the pool has \(capacity)"
    }
    for block in 1..<BlockID(capacity) {
      let tables = appearances[Int(block)]
      guard free.contains(block) == (tables == 0) else {
        return "block \(block) is \(free.contains(block) ? "free" : "held") and stands in "
          + "\(tables) tables"
      }
      if isCached(block) {
        guard referenceCount(of: block) == tables else {
          return "block \(block) has \(referenceCount(of: block)) references and stands in "
            + "\(tables) tables"
        }
        let place = records[Int(block)].place
        guard tables > 0 || queue.holds(block, at: place) else {
          return "block \(block) is free and cached, but not at \(place), where it was noted"
        }
      } else {
        guard tables <= 1 else {
          return "block \(block) holds no key and stands in \(tables) tables"
        }
        guard referenceCount(of: block) == 0 else {
          return "block \(block) holds no key and counts \(referenceCount(of: block)) references"
        }
      }
    }
    return nil
  }

  /// The counts of free, held and cached blocks are what one finds by counting.
  private func countViolation(_ appearances: [Int]) -> String? {
    let free = freeQueue.count
    let held = appearances.count { $0 > 0 }
    guard freeCount == free, heldCount == held else {
      return "\(freeCount) free + \(heldCount) held blocks are counted, \(free) + \(held) found"
    }
    guard 1 + free + held == capacity else {
      return "null block + \(free) free + \(held) held ≠ \(capacity) total"
    }
    let cached = cachedBlocks
    guard cachedCount == cached.count else {
      return "\(cachedCount) cached blocks are counted, \(cached.count) found"
    }
    let unreferenced = cached.count { appearances[Int($0)] == 0 }
    guard unreferencedCachedCount == unreferenced else {
      return "\(unreferencedCachedCount) cached blocks without a reference are counted, "
        + "\(unreferenced) found"
    }
    return nil
  }

  /// From each key one gets to all blocks that hold it, and to no others.
  private var keyViolation: String? {
    let cached = cachedBlocks
    var holders: [BlockKey: [BlockID]] = [:]
    for block in cached { holders[records[Int(block)].key, default: []].append(block) }
    for block in cached {
      let key = records[Int(block)].key
      let holding = holders[key] ?? []
      guard (1..<runs.used).contains(key.run), key.index >= 0,
        key.index < runs.runs[Int(key.run)].capacity
      else {
        return "block \(block) holds key \(key.index) of run \(key.run), which has no such place"
      }
      guard let oldest = cachedBlock(for: key), holding.contains(oldest) else {
        return "blocks \(holding) hold key \(key.index) of run \(key.run), a look-up finds "
          + "\(cachedBlock(for: key).map { "block \($0)" } ?? "none")"
      }
      guard holding.count == 1 || records[Int(block)].hasTwin else {
        return "blocks \(holding) hold one key, block \(block) does not know of the others"
      }
      let ring = ring(from: oldest)
      guard ring.sorted() == holding else {
        return "blocks \(holding) hold key \(key.index) of run \(key.run), its ring is \(ring)"
      }
    }
    for run in runs.numbersInUse {
      let keyed = cached.count { records[Int($0)].key.run == run }
      guard keyed <= runs.holders(of: run) else {
        return "\(keyed) blocks hold keys of run \(run), which has \(runs.holders(of: run)) holders"
      }
    }
    return nil
  }

  /// Whatever a look-up finds holds the key that was looked up.
  private var placeViolation: String? {
    for run in runs.numbersInUse {
      for (key, block) in runs.foundBlocks(of: run) {
        guard (1..<capacity).contains(Int(block)), records[Int(block)].key == key else {
          return "key \(key.index) of run \(run) leads to block \(block), which does not hold it"
        }
      }
    }
    return nil
  }

  /// The blocks of a key from the oldest to the newest; broken off where the ring does not close.
  private func ring(from oldest: BlockID) -> [BlockID] {
    guard rings.count > 0 else { return [oldest] }
    var ring = [oldest]
    var next = rings[Int(oldest)].newer
    while next != oldest, ring.count < capacity, rings[Int(next)].older == ring[ring.count - 1] {
      ring.append(next)
      next = rings[Int(next)].newer
    }
    return ring
  }

  /// Blocks that hold a key of a run, and others that hold the run: sequences that consist of it.
  func holders(of run: Int32) -> (blocks: Int, sequences: Int) {
    let blocks = cachedBlocks.count { records[Int($0)].key.run == run }
    return (blocks, runs.holders(of: run) - blocks)
  }

  /// The runs that have a number, in ascending order of it.
  var runsInUse: [Int32] { runs.numbersInUse }

  /// The key of a block that holds one.
  func key(of block: BlockID) -> BlockKey { records[Int(block)].key }
}
