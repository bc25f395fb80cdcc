-- Returns how many wait.
forget()
put()
return #waiting
