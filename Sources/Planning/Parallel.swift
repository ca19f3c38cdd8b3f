import Dispatch
import Synchronization

/// Independent work side by side on the cores at hand.
package enum Parallel {
  /// Does `work` for each item; the results are in the order of the items, whichever ends first.
  ///
  /// Items are begun in order, so that long ones belong in front.
  ///
  /// - Throws: The error of the first item, in order, that failed.
  package static func map<Item: Sendable, Value: Sendable>(
    _ items: [Item], _ work: @Sendable (Item) throws -> Value
  ) throws -> [Value] {
    let slots = Mutex<[Result<Value, any Error>?]>(Array(repeating: nil, count: items.count))
    DispatchQueue.concurrentPerform(iterations: items.count) { index in
      let result = Result { try work(items[index]) }
      slots.withLock { $0[index] = result }
    }
    return try slots.withLock { results in
      try results.map { result in
        guard let result else { preconditionFailure("an item was not worked on") }
        return try result.get()
      }
    }
  }
}
