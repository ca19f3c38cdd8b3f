/// What is wrong with a JSON text, and where in it.
struct JSONMistake: Error, Equatable {
  /// Bytes from the start of the text to the mistake.
  var offset: Int
  /// What is wrong there, without the place.
  var what: String
}
