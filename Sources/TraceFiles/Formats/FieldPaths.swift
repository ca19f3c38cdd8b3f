/// The members of a request's object that a format uses, found wherever they lie in it.
///
///     usage.prompt_tokens            {"usage": {"prompt_tokens": 812}}
///     attributes.gen_ai.usage.in     {"attributes": {"gen_ai.usage.in": 812}}: a name may have dots itself
///                                    {"attributes": [{"key": "gen_ai.usage.in", "value": {"intValue": "812"}}]}
///     messages.content               {"messages": [{"content": "…"}, …]}: through the objects of a list
struct FieldPaths {
  /// Takes a value: the place of its path among all, where its name stands, and whether it is in a list.
  typealias Take = (_ index: Int, _ key: Range<Int>, _ isInList: Bool, _ cursor: inout JSONCursor)
    throws(JSONMistake) -> Void

  private let paths: [[UInt8]]
  /// Where each path goes on, -1 for one that was left.
  private let starts: [Int]

  init(_ names: [String]) {
    paths = names.map { Array($0.utf8) }
    starts = names.map { _ in 0 }
  }

  /// Walks over the members of an object that was entered, to its end.
  ///
  /// - Complexity: O(bytes × paths).
  func walk(_ bytes: Span<UInt8>, _ cursor: inout JSONCursor, _ take: Take) throws(JSONMistake) {
    try walk(bytes, &cursor, from: starts, isInList: false, take)
  }

  private enum Match { case none, whole, beginning }

  private func match(_ name: Span<UInt8>, _ index: Int, from start: Int) -> Match {
    let path = paths[index]
    guard start >= 0, start + name.count <= path.count else { return .none }
    for place in name.indices where path[start + place] != name[place] { return .none }
    if start + name.count == path.count { return .whole }
    return path[start + name.count] == UInt8(ascii: ".") ? .beginning : .none
  }

  private func walk(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, from starts: [Int], isInList: Bool,
    _ take: Take
  ) throws(JSONMistake) {
    var attribute: Range<Int>?
    while let key = try cursor.nextKey(in: bytes) {
      let name = bytes.extracting(key)
      let first = try cursor.peek(in: bytes)
      if isInList, JSONText.matches(name, "key"), first == UInt8(ascii: "\"") {
        attribute = try cursor.string(in: bytes, "`key`")
        continue
      }
      if let attribute, JSONText.matches(name, "value"), first == UInt8(ascii: "{") {
        try takeAttribute(attribute, bytes, &cursor, from: starts, take)
        continue
      }
      let isOpen = first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
      if isOpen, let inside = inside(name, from: starts) {
        try enter(bytes, &cursor, from: inside, take)
      } else if let index = index(of: name, from: starts) {
        try take(index, key, isInList, &cursor)
      } else {
        try cursor.skipValue(in: bytes)
      }
    }
  }

  private func index(of name: Span<UInt8>, from starts: [Int]) -> Int? {
    for index in paths.indices where match(name, index, from: starts[index]) == .whole {
      return index
    }
    return nil
  }

  /// Where the paths go on that begin with `name`; `nil` where none does.
  private func inside(_ name: Span<UInt8>, from starts: [Int]) -> [Int]? {
    var inside: [Int]?
    for index in paths.indices where match(name, index, from: starts[index]) == .beginning {
      if inside == nil { inside = [Int](repeating: -1, count: paths.count) }
      inside![index] = starts[index] + name.count + 1
    }
    return inside
  }

  /// Walks over an object, or over the objects of a list.
  private func enter(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, from starts: [Int], _ take: Take
  ) throws(JSONMistake) {
    if try cursor.peek(in: bytes) == UInt8(ascii: "{") {
      try cursor.enterObject(in: bytes, "the value")
      return try walk(bytes, &cursor, from: starts, isInList: false, take)
    }
    try cursor.enterArray(in: bytes, "the value")
    while try cursor.nextElement(in: bytes) {
      guard try cursor.peek(in: bytes) == UInt8(ascii: "{") else {
        try cursor.skipValue(in: bytes)
        continue
      }
      try cursor.enterObject(in: bytes, "the value")
      try walk(bytes, &cursor, from: starts, isInList: true, take)
    }
  }

  /// The one member of an attribute's value: `{"intValue": "812"}`.
  private func takeAttribute(
    _ key: Range<Int>, _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, from starts: [Int],
    _ take: Take
  ) throws(JSONMistake) {
    try cursor.enterObject(in: bytes, "the value")
    while try cursor.nextKey(in: bytes) != nil {
      if let index = index(of: bytes.extracting(key), from: starts) {
        try take(index, key, false, &cursor)
      } else {
        try cursor.skipValue(in: bytes)
      }
    }
  }
}
