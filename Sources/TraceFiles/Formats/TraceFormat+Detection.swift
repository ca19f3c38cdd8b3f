extension TraceFormat {
  /// The formats that JSON can be in, those first that ask for more.
  private static let ofJSON: [TraceFormat] = [
    .sharegpt, .alpaca, .guidellmReport, .spansExported, .llmservingsimAgents, .llmservingsim,
    .aiperfExport, .dynamo, .openaiUsage, .genaiInputs, .vllmBench, .bailian, .mooncake, .aiperf,
    .guidellm, .lmcache, .vllmCustom, .spans,
  ]

  /// The format of JSON whose first object has these members, or `nil` where they are those of no format.
  static func ofJSON(_ names: [String]) -> TraceFormat? {
    let names = Set(names)
    return ofJSON.first { $0.shape.tells(names) }
  }

  /// Objects inside one another that ``membersOfJSON(_:)`` looks into.
  private static let depthMax = 4

  /// The names of the first object's members, those of objects inside behind dots, in the order of the file.
  ///
  /// - Parameter bytes: The beginning of the file, which may stop anywhere.
  /// - Complexity: O(bytes).
  static func membersOfJSON(_ bytes: Span<UInt8>) -> [String] {
    var names: [String] = []
    var cursor = JSONCursor()
    do throws(JSONMistake) {
      let hasMark = bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
      if hasMark { cursor = JSONCursor(position: 3) }
      if try cursor.peek(in: bytes) == UInt8(ascii: "[") {
        try cursor.enterArray(in: bytes, "the file")
        guard try cursor.nextElement(in: bytes) else { return [] }
      }
      try takeMembers(bytes, &cursor, behind: "", depth: 1, into: &names)
    } catch {
      // The beginning stops inside the first object, or the reader will say what is wrong there.
    }
    return names
  }

  private static func takeMembers(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, behind prefix: String, depth: Int,
    into names: inout [String]
  ) throws(JSONMistake) {
    try cursor.enterObject(in: bytes, "the first value")
    while let key = try cursor.nextKey(in: bytes) {
      let name = bytes.extracting(key)
      let path = prefix + String(decoding: name.indices.map { name[$0] }, as: UTF8.self)
      let isObject = try cursor.peek(in: bytes) == UInt8(ascii: "{")
      if isObject, depth < depthMax {
        try takeMembers(bytes, &cursor, behind: path + ".", depth: depth + 1, into: &names)
      } else {
        names.append(path)
        try cursor.skipValue(in: bytes)
      }
    }
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
