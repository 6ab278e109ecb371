//! The schema, parsed once.

use std::collections::HashMap;
use std::sync::LazyLock;

use graphql_parser::schema::{
    Definition, Document, EnumValue, Field, InputValue, Type, TypeDefinition, parse_schema,
};

/// One type of the schema.
#[derive(Debug)]
pub(super) struct TypeDef {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) fields: &'static [Field<'static, String>],
    pub(super) inputs: &'static [InputValue<'static, String>],
    pub(super) values: &'static [EnumValue<'static, String>],
    pub(super) interfaces: &'static [String],
    /// Members of a union.
    pub(super) members: &'static [String],
}

static DOCUMENT: LazyLock<Document<'static, String>> = LazyLock::new(|| {
    parse_schema(include_str!("../../data/schema.graphql"))
        .expect("schema.graphql is a valid schema")
});

static TYPES: LazyLock<HashMap<&'static str, TypeDef>> = LazyLock::new(|| {
    let builtin = ["String", "Int", "Float", "Boolean", "ID"].map(|name| TypeDef {
        name,
        ..TypeDef::empty("SCALAR")
    });
    let defined = DOCUMENT
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            Definition::TypeDefinition(definition) => Some(TypeDef::of(definition)),
            _ => None,
        });
    builtin
        .into_iter()
        .chain(defined)
        .map(|definition| (definition.name, definition))
        .collect()
});

impl TypeDef {
    const fn empty(kind: &'static str) -> Self {
        Self {
            name: "",
            kind,
            fields: &[],
            inputs: &[],
            values: &[],
            interfaces: &[],
            members: &[],
        }
    }

    fn of(definition: &'static TypeDefinition<'static, String>) -> Self {
        match definition {
            TypeDefinition::Scalar(scalar) => Self {
                name: &scalar.name,
                ..Self::empty("SCALAR")
            },
            TypeDefinition::Object(object) => Self {
                name: &object.name,
                fields: &object.fields,
                interfaces: &object.implements_interfaces,
                ..Self::empty("OBJECT")
            },
            TypeDefinition::Interface(interface) => Self {
                name: &interface.name,
                fields: &interface.fields,
                ..Self::empty("INTERFACE")
            },
            TypeDefinition::Union(union) => Self {
                name: &union.name,
                members: &union.types,
                ..Self::empty("UNION")
            },
            TypeDefinition::Enum(definition) => Self {
                name: &definition.name,
                values: &definition.values,
                ..Self::empty("ENUM")
            },
            TypeDefinition::InputObject(input) => Self {
                name: &input.name,
                inputs: &input.fields,
                ..Self::empty("INPUT_OBJECT")
            },
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&'static Field<'static, String>> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether a selection must say what it wants of this type.
    pub(super) fn is_composite(&self) -> bool {
        ["OBJECT", "INTERFACE", "UNION"].contains(&self.kind)
    }
}

/// Returns a type by name.
pub(super) fn type_def(name: &str) -> Option<&'static TypeDef> {
    TYPES.get(name)
}

/// Returns all types.
pub(super) fn types() -> impl Iterator<Item = &'static TypeDef> {
    TYPES.values()
}

/// Returns the name inside lists and non-nulls.
pub(super) fn inner_name(of: &'static Type<'static, String>) -> &'static str {
    match of {
        Type::NamedType(name) => name,
        Type::ListType(inner) | Type::NonNullType(inner) => inner_name(inner),
    }
}

/// Whether an object of type `object` is also a `wanted`: the type itself, an interface of it, or a union with it.
pub(super) fn is_a(object: &str, wanted: &str) -> bool {
    object == wanted
        || type_def(object)
            .is_some_and(|definition| definition.interfaces.iter().any(|name| name == wanted))
        || type_def(wanted)
            .is_some_and(|definition| definition.members.iter().any(|name| name == object))
}
