/// The number of tokens that a block hash stands for, found from how many hashes prompts have.
///
///     hashes   3 for 130 tokens, 2 for 65      ⌈130/3⌉ = 44 … 64 = ⌊129/2⌋, 33 … 64: the only power of two is 64
struct FoundBlockSize {
  /// What the format usually has.
  let usual: Int
  private var least = 1
  private var most = Int.max
  /// The first row that does not have blocks of the usual size.
  private(set) var misfit: (line: Int, mistake: String)?

  init(usual: Int) { self.usual = usual }

  /// Takes a row, or says what is wrong with it.
  mutating func take(hashes: Int, tokens: Int, line: Int) -> String? {
    let need = (tokens + usual - 1) / usual
    let mistake =
      "\(hashes) block hashes for \(tokens) tokens: blocks of \(usual) tokens need \(need)"
    guard hashes > 0, hashes <= tokens else { return mistake }
    let low = max(least, (tokens + hashes - 1) / hashes)
    let high = min(most, hashes > 1 ? (tokens - 1) / (hashes - 1) : .max)
    guard low <= high else {
      if need != hashes { return mistake }
      return
        "\(hashes) block hashes for \(tokens) tokens, where the rows before have blocks of other sizes than "
        + "\(usual) tokens"
    }
    (least, most) = (low, high)
    if need != hashes, misfit == nil { misfit = (line, mistake) }
    return nil
  }

  /// The usual size if that fits every row, or the only power of two that does, or the only number; `nil` where several
  /// do.
  var size: Int? {
    if misfit == nil { return usual }
    if least == most { return least }
    let powers = (0..<31).map { 1 << $0 }.filter { (least...most).contains($0) }
    return powers.count == 1 ? powers[0] : nil
  }
}
