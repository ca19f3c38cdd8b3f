import KVMemory

/// What a batch gave.
extension SGLangScheduler {
  /// Counts the tokens of a batch that has run, hands prompts to the tree, and lets go of what is complete.
  ///
  /// Requests that ended or were retracted since the batch was launched get nothing of it.
  ///
  /// - Returns: The requests that are complete, in the order of the batch.
  package mutating func takeIn(_ batch: SGLangBatch) -> [SGLangPass.Completed] {
    var completed: [SGLangPass.Completed] = []
    for row in batch.rows {
      let id = Int(row.request)
      let sequence = sequences[id]
      guard sequence.isInFlight && !sequence.isRetracted else { continue }
      if row.isExtend && sequence.middle > 0 {
        sequences[id].middle -= 1
        continue
      }
      let yield = yield(of: row)
      sequences[id].out += yield.tokens
      if !row.isExtend && options.speculation != nil { commit(row, yield) }
      if sequences[id].isComplete {
        completed.append(.init(request: row.request, generatedTokens: sequences[id].out))
        close(row.request)
      } else if row.isExtend {
        checkpoint(row.request, upTo: row.before + row.tokens)
        sequences[id].prefix = row.before + row.tokens
      }
    }
    return completed
  }

  /// Hands what was computed of a complete request to the tree. Its last token has no keys and values, unless the overlap
  /// loop has launched it once too often.
  mutating func close(_ request: RequestID) {
    let id = Int(request)
    checkpoint(request, upTo: min(Int32(sequences[id].hold.tokens), sequences[id].length))
    memory.release(&sequences[id].hold)
    rowCount -= 1
    sequences.close(id)
    texts.close(id)
  }
}
