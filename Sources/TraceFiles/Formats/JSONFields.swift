/// What a member of a request's JSON object holds.
enum JSONField {
  /// A time; its unit is the format's, or given by the user.
  case timestamp
  case promptTokens
  case outputTokens
  /// Chained hashes of the prompt's blocks.
  case hashes
  /// A chat's own number.
  case chat
  /// The number of the chat that this one continues, -1 for none.
  case parentChat
  /// A session under a name or a number.
  case session
  /// A class of traffic, by name.
  case requestClass
  /// An integer, lower first.
  case priority
  /// An adapter, by name.
  case adapter
  /// Time from the answer to the session's turn before; its unit is that of timestamps.
  case delay
  /// Text of the prompt, counted where no number of tokens is given; several are joined by a line
  /// feed in file order.
  case promptText
  /// Text of the output, counted where no number of tokens is given.
  case outputText
  /// A time of any kind (``TimeText``).
  case time
  /// Time from the answer to the session's turn before, by the end of its name or in the user's unit.
  case pause
  /// Tokens in a block that one of ``hashes`` stands for.
  case blockTokens
  /// What has tokens that nothing here can count.
  case uncounted
}
