# The submissions of each form in, records of the topic form-fills out.
include "common";
people($contacts) as $people
| $forms[0][] | . as $form | .results[]
| (.values | map({ (.name): .value }) | add) as $answers
| { event_id: .conversionId, occurred_at: .submittedAt, form_id: $form.formId, form_kind: $form.formKind,
    page_url: .pageUrl, answers: ($answers | del(.email)) } + ($people[$answers.email | ascii_downcase] // empty)
