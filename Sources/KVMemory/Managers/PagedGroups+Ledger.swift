extension PagedGroups {
  /// Where the bytes of the pool are.
  ///
  ///     block    |░░░ttt|tttttt|tt····|      ░ nobody reads again: internal;  t token state
  ///                                          · reserved as far as the sequence will fill them, else internal
  ///
  /// Padding of pages is internal. What only one type of page can use is free, or external while a sequence waits for room;
  /// what makes no whole page is external. A block that several share counts once.
  ///
  /// - Complexity: O(sequences × groups).
  package func ledger(headIsBlocked: Bool) -> WasteLedger {
    let parts = store.parts
    var ledger = WasteLedger()
    for index in groups.indices {
      let padding = store.pageBytes(index) - groups[index].contentBytes
      ledger.internalFragmentation += usedPages[index] * padding
    }
    for row in sequences.rows.indices {
      for index in groups.indices { add(row, index, to: &ledger) }
    }
    ledger.tokenState = parts.used - ledger.internalFragmentation - ledger.reserved
    ledger.cached = parts.cached
    ledger.free = parts.free
    ledger.externalFragmentation = parts.lost
    if headIsBlocked {
      ledger.externalFragmentation += parts.bound
    } else {
      ledger.free += parts.bound
    }
    return ledger
  }

  /// Adds what the blocks of a sequence hold in vain, or not yet.
  private func add(_ row: Int, _ index: Int, to ledger: inout WasteLedger) {
    let count = sequences.rows[row].held[index].count
    guard count > 0 else { return }
    if groups[index].isState {
      // The state that was read, and copies on their way to the cache.
      ledger.internalFragmentation += (count - 1) * groups[index].contentBytes
      return
    }
    let (blockTokens, tokenBytes) = (groups[index].blockTokens, groups[index].tokenBytes)
    let (tokens, final) = (sequences.rows[row].tokens, sequences.rows[row].lengths.final)
    let resident = tokens - sequences.rows[row].held[index].skipped.count * blockTokens
    let empty = count * blockTokens - resident
    let later = min(empty, max(0, final - tokens))
    ledger.reserved += later * tokenBytes
    ledger.internalFragmentation += (empty - later) * tokenBytes
    guard !groups[index].readsAll else { return }
    ledger.internalFragmentation +=
      resident * tokenBytes
      - groups[index].parts.liveBytes(computed: sequences.rows[row].computed, tokens: tokens)
  }

  /// The first law that is broken, with the numbers, or `nil`: parts sum to the pool, each page in use is held as often as it
  /// counts, and no class of the ledger is negative.
  package var brokenInvariant: String? {
    if let broken = store.brokenInvariant { return broken }
    guard store.parts.total == bytes else {
      return "\(store.parts) is not the pool of \(bytes) bytes"
    }
    var holders: [Store.Page: Int] = [:]
    var used = groups.map { _ in 0 }
    for entry in sequences.rows {
      for (index, held) in entry.held.enumerated() {
        let own = held.pages.compactMap(\.self)
        guard own.count == held.count else {
          return "\(own.count) pages are held, \(held.count) counted"
        }
        for page in own {
          used[index] += holders[page] == nil ? 1 : 0
          holders[page, default: 0] += 1
        }
      }
    }
    guard used == usedPages else { return "\(used) pages are in use, \(usedPages) counted" }
    if let (page, count) = holders.first(where: { $1 != identities[$0]?.holders ?? 1 }) {
      return "page \(page) is held \(count) times, counted \(identities[page]?.holders ?? 1)"
    }
    let bytesUsed = used.indices.reduce(0) { $0 + used[$1] * store.pageBytes($1) }
    guard bytesUsed == store.parts.used else {
      return "pages of \(bytesUsed) bytes are in use, \(store.parts)"
    }
    let ledger = ledger(headIsBlocked: false)
    guard ledger.total == bytes else { return "\(ledger) sums to \(ledger.total) of \(bytes)" }
    return ledger.tokenState >= 0 && ledger.reserved >= 0 && ledger.internalFragmentation >= 0
      ? nil : "\(ledger) has less than nothing"
  }
}
