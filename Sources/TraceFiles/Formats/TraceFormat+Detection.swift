extension TraceFormat {
  /// The format of JSON that begins with `bytes`, told by the names of the first object's members,
  /// or `nil` where they are those of no format.
  ///
  /// - Parameter bytes: The beginning of the file, which may stop anywhere.
  /// - Complexity: O(bytes).
  static func detectJSON(_ bytes: Span<UInt8>) -> TraceFormat? {
    var names: Set<String> = []
    var cursor = JSONCursor()
    do throws(JSONMistake) {
      let hasMark = bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
      if hasMark { cursor = JSONCursor(position: 3) }
      if try cursor.peek(in: bytes) == UInt8(ascii: "[") {
        try cursor.enterArray(in: bytes, "the file")
        guard try cursor.nextElement(in: bytes) else { return nil }
      }
      try cursor.enterObject(in: bytes, "the first value")
      while let key = try cursor.nextKey(in: bytes) {
        let name = bytes.extracting(key)
        names.insert(String(decoding: name.indices.map { name[$0] }, as: UTF8.self))
        try cursor.skipValue(in: bytes)
      }
    } catch {
      // The beginning stops inside the first object, or the reader will say what is wrong there.
    }
    func has(_ wanted: String...) -> Bool { wanted.contains { names.contains($0) } }
    if has("conversations") { return .sharegpt }
    if has("instruction") { return .alpaca }
    if has("input_lens", "request_throughput", "completed") { return .vllmBench }
    if has("chat_id", "parent_chat_id") { return .bailian }
    if has("hash_ids") { return .mooncake }
    if has(
      "input_length", "prompt_tokens_count", "input_tokens_count", "output_tokens_count",
      "completion_tokens_count")
    {
      return .guidellm
    }
    return has("prompt") ? .vllmCustom : nil
  }

  /// Whether the content that begins with `bytes` is JSON rather than a table.
  static func isJSON(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09, 0xEF, 0xBB, 0xBF: continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): return true
      default: return false
      }
    }
    return false
  }
}
