//! The region of the kit for C.

use super::{
    kits::declared,
    text::{plain, shapes},
};
use std::fmt::Write as _;
use tollgate_abi::{
    functions::Function,
    host::kinds,
    shape::{Member, Type},
};

/// Prototypes of the imports, and the types of errors.
pub fn imports() -> String {
    let mut text = String::new();
    for function in declared() {
        let name = function.name;
        let result = function.reply.map_or("void", |_| "uint64_t");
        let _ = writeln!(
            text,
            "/* {} */\nTOLLGATE_IMPORT(\"{name}\") {result} tollgate_{name}(uint64_t request);",
            function.documentation
        );
    }
    text += "\n/* The values of `type` in an error of the host. */\n";
    for (word, meaning) in kinds::ALL {
        let _ = writeln!(
            text,
            "#define TOLLGATE_ERROR_{} \"{word}\" /* {meaning} */",
            word.to_uppercase()
        );
    }
    text
}

/// A struct for each request, and a function that asks with it.
pub fn requests() -> String {
    // What is in a request is plain JSON here: time limits, headers, attributes.
    assert!(shapes().messages.len() > declared().count());
    let mut text = String::new();
    for function in declared() {
        text += &request(function);
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn request(function: &Function) -> String {
    let Some(_) = function.reply else {
        return String::new();
    };
    let name = function.name;
    let mut text = "typedef struct {\n".to_owned();
    let mut writes = String::new();
    for Member {
        key,
        documentation,
        ty,
        ..
    } in function.request.members
    {
        let about = plain(documentation);
        let (field, about, write) = match ty {
            Type::Text | Type::Time | Type::Port => ("tollgate_text", about, "text"),
            Type::Flag => ("bool", about, "flag"),
            Type::Unsigned(_) => ("uint64_t", about, "number"),
            Type::List(Type::Text) => ("tollgate_list", about, "list"),
            _ => ("tollgate_text", format!("{about} In JSON."), "raw"),
        };
        let _ = writeln!(text, "    {field} {key}; /* {about} */");
        let _ = writeln!(
            writes,
            "    tollgate_put_{write}(&to, \"{key}\", request->{key});"
        );
    }
    let _ = writeln!(
        text,
        "}} tollgate_{name}_request;\n\n/* {} */\n\
         static inline tollgate_text tollgate_ask_{name}(const tollgate_{name}_request *request)\n{{\n    \
         tollgate_writer to = {{0}};\n{writes}    \
         return tollgate_ask(tollgate_{name}, tollgate_end(&to));\n}}\n",
        function.documentation
    );
    text
}
