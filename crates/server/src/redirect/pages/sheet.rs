//! A page of ours for people with an account: what it says, and forms that need no script.
//!
//! One template for all of them, so that all have the same manners: each fault stands beside its field and is named to
//! screen readers, what was typed stays (but for what is secret), and the page's title says that something is wrong.

use askama::Template;

use super::{ICON, MARK, POLICIES, Page, render, style};

/// A page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sheet {
    /// What it is about.
    pub about: Option<String>,
    /// Its headline.
    pub heading: String,
    /// What was just done.
    pub done: Option<String>,
    /// What went wrong, where it is no field's.
    pub fault: Option<String>,
    /// What it is made of.
    pub sections: Vec<Section>,
}

/// A part of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    /// Its headline, where a page has several.
    pub title: Option<String>,
    /// What it says.
    pub sentences: Vec<String>,
    /// Names and what they are.
    pub facts: Vec<(String, String)>,
    /// Texts to be copied: codes.
    pub codes: Vec<String>,
    /// A picture as a `data:` address, and what it shows.
    pub picture: Option<(String, String)>,
    /// What can be sent.
    pub forms: Vec<Form>,
    /// Links of ours: text and path.
    pub links: Vec<(String, String)>,
}

/// A form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// Where it goes; `None` is the page's own address.
    pub action: Option<String>,
    /// What goes along unseen.
    pub hidden: Vec<(String, String)>,
    /// What is typed.
    pub fields: Vec<Field>,
    /// What the button says.
    pub button: String,
}

/// A field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Field {
    /// Its name.
    pub name: &'static str,
    /// What tells it from a field of the same name in another form.
    pub id: String,
    /// What it is called.
    pub label: &'static str,
    /// `text`, `email` or `password`.
    pub kind: &'static str,
    /// What browsers and password managers fill in.
    pub autocomplete: &'static str,
    /// What was typed, where that is not secret.
    pub value: String,
    /// A word of help.
    pub hint: Option<&'static str>,
    /// What is wrong with it.
    pub fault: Option<String>,
}

impl Sheet {
    fn is_faulty(&self) -> bool {
        let fields = self.sections.iter().flat_map(|section| &section.forms).flat_map(|form| &form.fields);
        self.fault.is_some() || fields.into_iter().any(|field| field.fault.is_some())
    }
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct SheetTemplate<'a> {
    sheet: &'a Sheet,
}

/// The page.
pub(crate) fn sheet(sheet: &Sheet) -> Page {
    Page { html: render(&SheetTemplate { sheet }), content_security_policy: &POLICIES.own_form }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_and_what_is_wrong_is_text() {
        let hostile = "\"><script>alert(1)</script>".to_owned();
        let field = Field {
            name: "email",
            id: "email".to_owned(),
            label: "Email",
            kind: "email",
            value: hostile.clone(),
            fault: Some(hostile.clone()),
            ..Field::default()
        };
        let form = Form { fields: vec![field], hidden: vec![("id".to_owned(), hostile.clone())], ..Form::default() };
        let section = Section {
            facts: vec![(hostile.clone(), hostile.clone())],
            sentences: vec![hostile.clone()],
            forms: vec![form],
            ..Section::default()
        };
        let page = sheet(&Sheet {
            heading: hostile.clone(),
            about: Some(hostile.clone()),
            fault: Some(hostile.clone()),
            done: Some(hostile),
            sections: vec![section],
        });
        assert!(!page.html.contains("<script"), "{}", page.html);
        assert!(page.html.contains("<title>Error: "), "{}", page.html);
        assert!(page.html.contains("aria-describedby=\"email-error\"") && page.html.contains("aria-invalid"));
        assert!(page.content_security_policy.contains("form-action 'self'"));
    }
}
