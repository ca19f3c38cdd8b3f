extension PagedGroups {
  /// Where the bytes of the pool are.
  ///
  ///     block    |░░░ttt|tttttt|tt····|      ░ nobody reads again: internal;  t token state
  ///                                          · reserved as far as the sequence will fill them, else internal
  ///
  /// Padding of pages is internal. What only one type of page can use is free, or external while a sequence waits for room;
  /// what makes no whole page is external. A block that several share counts once.
  ///
  /// - Complexity: O(sequences).
  package func ledger(headIsBlocked: Bool) -> WasteLedger {
    let parts = store.parts
    var ledger = WasteLedger()
    for index in groups.indices {
      let padding = store.pageBytes(index) - groups[index].contentBytes
      ledger.internalFragmentation += usedPages[index] * padding
    }
    for row in sequences.rows.indices { add(row, to: &ledger) }
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
  ///
  /// Since its blocks were counted each token took the place of one that was reserved, in every group, and may have left
  /// others behind that layers do not read again.
  private func add(_ row: Int, to ledger: inout WasteLedger) {
    let account = sequences.rows[row].account
    ledger.reserved += account.reserved
    ledger.internalFragmentation += account.inVain
    let more = sequences.rows[row].tokens - account.tokens
    guard more > 0 else { return }
    ledger.reserved -= more * tokenBytes
    guard !sparse.isEmpty else { return }
    ledger.internalFragmentation +=
      sparse.unreadBytes(computed: sequences.rows[row].computed) - account.unread
  }

  /// What the blocks of a sequence hold in vain, or not yet, when it has so many tokens.
  struct Account: Sendable {
    var tokens = 0
    var reserved = 0
    var inVain = 0
    /// Of layers that do not read every token, in all groups, bytes of those that nothing to come reads.
    var unread = 0
  }

  /// Looks at all blocks of a sequence.
  ///
  /// - Complexity: O(groups).
  func account(_ entry: Sequence) -> Account {
    var account = Account(tokens: entry.tokens)
    account.unread = sparse.unreadBytes(computed: entry.computed)
    for index in groups.indices {
      let count = entry.held[index].count
      guard count > 0 else { continue }
      if groups[index].isState {
        // The state that was read, and copies on their way to the cache.
        account.inVain += (count - 1) * groups[index].contentBytes
        continue
      }
      let (blockTokens, tokenBytes) = (groups[index].blockTokens, groups[index].tokenBytes)
      let dropped = entry.held[index].skipped.count * blockTokens
      let empty = count * blockTokens - (entry.tokens - dropped)
      let later = min(empty, max(0, entry.lengths.final - entry.tokens))
      account.reserved += later * tokenBytes
      account.inVain += (empty - later) * tokenBytes
      guard !groups[index].sparse.isEmpty else { continue }
      account.inVain +=
        groups[index].sparse.unreadBytes(computed: entry.computed) - dropped * tokenBytes
    }
    return account
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
