# frozen_string_literal: true

# Paths of Ruby files come in, each ended by NUL; for each goes out one line of JSON with every
# method of the file, or with the reason why there is none. The first line out tells the versions.
#
# A method is its name, the line that it starts in, its text and its tree. A tree is written as
# timlawrenz/jubilant-palm-tree, 03_process_methods.rb@9ddf176, does: a node as its type and
# children, a symbol as a string. Nothing recurses, so a tree may be of any depth.

require "json"
begin
  require "parser/current"
rescue LoadError => e
  puts JSON.generate("missing" => e.message)
  exit
end

# What `__FILE__` is, as in the documented rows, so that a tree does not depend on where it lay.
NAME = "(method)"
BOM = "\xEF\xBB\xBF".b

# Text as UTF-8; bytes that are none are written as \xHH.
def utf8(text)
  text = text.encoding == Encoding::UTF_8 ? text : text.dup.force_encoding(Encoding::UTF_8)
  return text if text.valid_encoding?

  text.scrub { |bytes| bytes.bytes.map { |byte| format("\\x%02X", byte) }.join }
end

def literal(value)
  case value
  when nil then "null"
  when true, false, Integer then value.to_s
  when Float then JSON.generate(value.finite? ? value : value.to_s)
  else JSON.generate(utf8(value.to_s))
  end
end

def opening(node)
  %({"type":"#{node.type}","children":[)
end

# The tree as JSON; `__LINE__` counts from the method's first line.
def tree_json(root)
  first = root.location.expression.line
  out = +opening(root)
  open = [[root, 0]]
  while (frame = open.last)
    node, place = frame
    if place == node.children.size
      out << "]}"
      open.pop
      next
    end
    frame[1] += 1
    out << "," if place.positive?
    child = node.children[place]
    if child.is_a?(Parser::AST::Node)
      out << opening(child)
      open << [child, 0]
    elsif node.type == :int && node.location.expression&.source == "__LINE__"
      out << (child - first + 1).to_s
    else
      out << literal(child)
    end
  end
  out
end

def each_node(root)
  rest = [root]
  while (node = rest.pop)
    yield node
    node.children.reverse_each { |child| rest << child if child.is_a?(Parser::AST::Node) }
  end
end

# The method's text, with the heredocs that follow where it ends before them.
def text(method, buffer)
  range = method.location.expression
  last = range.end_pos
  if buffer.source.include?("<<")
    each_node(method) do |node|
      map = node.location
      last = [last, map.heredoc_end.end_pos].max if map.respond_to?(:heredoc_end)
    end
  end
  utf8(buffer.slice(range.begin_pos...last))
end

# As it parses by itself: there a receiver that is a variable outside is a call.
def alone(method)
  receiver, *others = method.children
  return method unless method.type == :defs && receiver.type == :lvar

  method.updated(nil, [receiver.updated(:send, [nil, *receiver.children]), *others])
end

def name(method)
  return method.children[0].to_s if method.type == :def

  "#{method.children[0].location.expression.source}.#{method.children[1]}"
end

def described(method, buffer)
  {
    "name" => utf8(name(method)),
    "line" => method.location.expression.line,
    "source" => text(method, buffer),
    "ast" => tree_json(alone(method)),
  }
end

def methods_of(path)
  parser = Parser::CurrentRuby.new
  parser.diagnostics.all_errors_are_fatal = true
  parser.diagnostics.ignore_warnings = true
  buffer = Parser::Source::Buffer.new(NAME)
  buffer.source = File.binread(path).delete_prefix(BOM).force_encoding(Encoding::UTF_8)
  root = parser.parse(buffer)
  found = []
  each_node(root) { |node| found << node if %i[def defs].include?(node.type) } if root
  { "methods" => found.map { |method| described(method, buffer) } }
end

def answer(path)
  methods_of(path)
rescue Parser::SyntaxError => e
  { "error" => "syntax error (#{e.diagnostic.reason})", "line" => e.diagnostic.location.line,
    "message" => utf8(e.diagnostic.message) }
rescue EncodingError
  { "error" => "not valid in the encoding that it states, or UTF-8" }
rescue SystemStackError
  { "error" => "nested too deeply for the parser" }
rescue SystemCallError => e
  { "error" => "cannot be read (#{e.class.name.split("::").last})" }
rescue StandardError => e
  { "error" => "the parser failed (#{e.class})" }
end

$stdout.sync = true
puts JSON.generate(
  "ruby" => RUBY_VERSION, "parser" => Parser::VERSION, "grammar" => Parser::CurrentRuby.name
)
$stdin.binmode
while (path = $stdin.gets("\0", chomp: true))
  puts JSON.generate(answer(path))
end
